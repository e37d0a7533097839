/**
 * The story of a probe that was asked for with `debug=true`.
 * @module
 */
import type { ConnectionInfo, NodeOptions } from '../../net/options.ts';
import { OverlayError, type OverlayErrorJson } from '../../protocol/errors.ts';
import type { HandshakeStep } from '../../protocol/handshake/steps.ts';
import { ReceivedRecords } from '../explain/explain.ts';
import { storyLines } from '../explain/text.ts';
import { formatTarget } from '../target.ts';
import type { ProbeRequest } from './request.ts';
import type { Scrape } from './scrape.ts';

/** What is kept of one connection. */
interface Told {
  readonly steps: HandshakeStep[];
  readonly received: ReceivedRecords;
}

const PLAIN = { heading: same, good: same, bad: same, dim: same } as const;

/** Listens to the connections of a probe. */
export class StoryTeller {
  readonly #connections = new Map<ConnectionInfo, Told>();

  /** To spread into the options of the probe. */
  readonly options: Required<Pick<NodeOptions, 'onStep' | 'onBytes'>> = {
    onStep: (step, connection) => void this.#told(connection).steps.push(step),
    onBytes: (direction, bytes, connection) => this.#told(connection).received.onBytes(direction, bytes, connection),
  };

  /** The story of the connection that decided, and what the probe made of it. No secret is in it. */
  text({ target, network }: ProbeRequest, scrape: Scrape, metrics: string, printable: (text: string) => string): string {
    const { result, address, dnsMs } = scrape;
    const { error, timings } = result;
    const told = [...this.#connections.values()].at(-1);
    const story = {
      target: formatTarget(target),
      network,
      steps: told?.steps ?? [],
      next: told?.received.afterAuth ?? [],
      ...(timings && { timings }),
      ...(error && { error: thrown(error) }),
    };
    const facts = [
      `target   ${printable(story.target)}`,
      `address  ${address ?? 'none'}${dnsMs === undefined ? '' : `, found in ${(dnsMs / 1000).toFixed(3)} s`}`,
      `took     ${(scrape.elapsedMs / 1000).toFixed(3)} s`,
      `result   ${error ? `${error.cause} (${error.code}, in ${error.stage})` : 'success'}`,
      ...(result.warnings ?? []).map((warning) => `warning  ${printable(warning)}`),
    ];
    const lines = [...storyLines(story, PLAIN, printable), '', ...facts, '', 'The same as metrics:', '', metrics.trimEnd()];
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

/** As it was thrown, but for what JSON leaves out. */
function thrown({ code, stage, message, peerError }: OverlayErrorJson): OverlayError {
  return new OverlayError(code, { stage, message, peerError });
}

function same(text: string): string {
  return text;
}
