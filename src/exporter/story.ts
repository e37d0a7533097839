/**
 * The story of a probe with `debug=true`.
 * @module
 */

import { ReceivedRecords } from '../explain/explain.ts';
import { storyLines } from '../explain/text.ts';
import type { ConnectionInfo, Timings } from '../net/connection-info.ts';
import { describeAttempt } from '../net/dial-error.ts';
import type { NodeOptions } from '../net/options.ts';
import { formatTarget } from '../net/target.ts';
import type { ProbeTimings } from '../probe/probe.ts';
import { FAR_FUTURE_SECONDS } from '../probe/second-look.ts';
import { toHex } from '../protocol/bytes.ts';
import { OverlayError, type OverlayErrorJson } from '../protocol/errors.ts';
import type { HandshakeStep } from '../protocol/handshake/steps.ts';
import { networkName } from '../protocol/networks.ts';
import { printable } from '../protocol/printable.ts';
import type { ProbeRequest } from './request.ts';
import type { Scrape } from './scrape.ts';

/** The stored data of one connection. */
interface Told {
  readonly steps: HandshakeStep[];
  readonly received: ReceivedRecords;
}

const PLAIN = { heading: same, good: same, bad: same, dim: same } as const;

/** Records the connections of a probe. */
export class StoryTeller {
  readonly #ownPeerID: string;
  readonly #connections = new Map<ConnectionInfo, Told>();

  /** @param ownPeerID our `G…` in the probe; a connection with another key is a second look */
  constructor(ownPeerID: string) {
    this.#ownPeerID = ownPeerID;
  }

  /** Add these to the options of the probe. */
  readonly options: Required<Pick<NodeOptions, 'onStep' | 'onBytes'>> = {
    onStep: (step, connection) => void this.#told(connection).steps.push(step),
    onBytes: (direction, bytes, connection) => this.#told(connection).received.onBytes(direction, bytes, connection),
  };

  /** The story of the deciding connection, and the result of the probe. It contains no secret. */
  text({ target, network }: ProbeRequest, scrape: Scrape, metrics: string): string {
    const { result } = scrape;
    const { error, timings, address, attempts = [] } = result;
    const dnsMs = timings?.dnsMs;
    const connections = [...this.#connections.values()];
    const isOwn = ({ steps }: Told): boolean => steps.some((step) => step.step === 'keys' && step.peerID === this.#ownPeerID);
    const told = connections.filter(isOwn).at(-1);
    const secondLooks = connections.filter((connection) => !isOwn(connection));
    const story = {
      target: formatTarget(target),
      network,
      steps: told?.steps ?? [],
      next: told?.received.afterAuth ?? [],
      isCut: told?.received.isFull ?? false,
      ...(isWhole(timings) && { timings }),
      ...(error && { error: thrown(error) }),
    };
    const facts = [
      `target   ${story.target}`,
      `address  ${address ?? 'none'}${dnsMs === undefined ? '' : `, found in ${(dnsMs / 1000).toFixed(3)} s`}`,
      ...attempts.map((attempt) => `tried    ${attempt.address} ${describeAttempt(attempt)}`),
      `took     ${(scrape.elapsedMs / 1000).toFixed(3)} s`,
      `result   ${error ? `${error.cause} (${error.code}, in ${error.stage})` : 'success'}`,
      ...secondLooks.map(({ steps }) => `again    ${secondLook(steps)}`),
      ...(result.warnings ?? []).map((warning) => `warning  ${warning}`),
    ];
    const lines = [...storyLines(story, PLAIN), '', ...facts.map(printable), '', 'As metrics:', '', metrics.trimEnd()];
    return `${lines.join('\n')}\n`;
  }

  #told(connection: ConnectionInfo): Told {
    let told = this.#connections.get(connection);
    if (told === undefined) {
      told = { steps: [], received: new ReceivedRecords() };
      this.#connections.set(connection, told);
    }
    return told;
  }
}

/** A connection with another key, in a line. */
function secondLook(steps: readonly HandshakeStep[]): string {
  const cert = steps.find((step) => step.step === 'cert');
  // The signed payload begins with the network ID.
  const networkID = cert === undefined ? '' : toHex(cert.payload.subarray(0, 32));
  const isAnswered = steps.some((step) => step.step === 'received' && step.type === 'HELLO');
  const isLate = cert !== undefined && cert.cert.expiration > BigInt(FAR_FUTURE_SECONDS);
  return `with another key${isLate ? ' and a certificate for years' : ''} on ${networkName(networkID) ?? 'the same network'}: ${isAnswered ? 'answered with HELLO' : 'no HELLO'}`;
}

/** The error as thrown, without the parts that JSON leaves out. */
function thrown({ code, stage, message, peerError }: OverlayErrorJson): OverlayError {
  return new OverlayError(code, { stage, message, peerError });
}

/** Whether there was a complete handshake. */
function isWhole(timings: ProbeTimings | undefined): timings is Timings {
  return timings?.totalMs !== undefined;
}

function same(text: string): string {
  return text;
}
