/**
 * explain: a handshake as a story, made of the connection's steps and its bytes.
 * @module
 */
import { systemClock } from '../net/clock.ts';
import { connect } from '../net/connect.ts';
import type { Connection } from '../net/connection.ts';
import type { OnBytes, Phase, Timings } from '../net/connection-info.ts';
import { NodeIdentity } from '../net/identity.ts';
import { formatTarget, type Target } from '../net/target.ts';
import { diagnose, diagnoseSilence, isSilentRefusal } from '../probe/diagnose.ts';
import { type Evidence, FirstBytes } from '../probe/evidence.ts';
import type { ProbeOptions } from '../probe/options.ts';
import { secondLook } from '../probe/second-look.ts';
import { RECORD_HEADER_BYTES } from '../protocol/constants.ts';
import { type DialAttempt, OverlayError } from '../protocol/errors.ts';
import { adaptedRangeText, DEFAULT_OVERLAY_RANGE, type OverlayRange, rangeAfter } from '../protocol/handshake/overlay-range.ts';
import type { HandshakeStep } from '../protocol/handshake/steps.ts';
import type { Network } from '../protocol/networks.ts';
import { connectedPair } from '../testing/pair.ts';
import type { Side } from './picture.ts';
import { MAX_SHOWN_BYTES, RecordCutter } from './record-cutter.ts';

/** A handshake as a story. */
export interface Story {
  /** `HOST:PORT`, or undefined for the embedded peer. */
  readonly target: string | undefined;
  readonly network: Network;
  readonly steps: readonly HandshakeStep[];
  /** The outcome of each address that was dialled, in that order. */
  readonly attempts?: readonly DialAttempt[];
  /** Bodies of the first records the peer sent after its AUTH. */
  readonly next: readonly Uint8Array[];
  /** Whether the peer sent more than that while we listened. */
  readonly isCut: boolean;
  readonly timings?: Timings;
  /** Milliseconds of the phases completed before a failure. */
  readonly phases?: Partial<Timings>;
  /** Why the connection ended early. */
  readonly error?: OverlayError;
  /** The overlay versions that our HELLO advertises, when the node refused our own and we used its range. */
  readonly overlayRange?: OverlayRange;
}

/**
 * Observes a handshake as it happens: the steps of our side (of both sides with the embedded peer) and all bytes. The steps
 * contain secrets.
 */
export interface HandshakeWatcher {
  step(side: Side, step: HandshakeStep): void;
  bytes(from: Side, bytes: Uint8Array): void;
  /** The connection has failed; the search for the cause follows. */
  failed(): void;
  /** The peer refused the overlay versions so far. Another connection follows; the argument says so. */
  again(text: string): void;
}

/** How long to listen to the peer's next messages, in milliseconds. */
const LISTEN_MS = 500;

/**
 * Does one handshake and returns its story. A handshake that fails without an answer gets the second look of a probe. If the
 * node shares no overlay version with us, and the options do not choose the versions, the story is that of a connection in the
 * node's own range.
 * @param target node to dial; undefined: an embedded peer, whose keys and ours are thrown away, so that nothing is secret
 * @param watcher gets everything, secrets too; the story has them only when the options say so
 * @throws {TypeError | RangeError} when an option is wrong; every failure of the connection is in the story
 */
export async function explain(target: Target | undefined, options: ProbeOptions, watcher?: HandshakeWatcher): Promise<Story> {
  const story = await tell(target, options, watcher);
  const isOurs = options.overlayVersion === undefined && options.overlayMinVersion === undefined;
  const overlayRange = isOurs && story.error ? rangeAfter(story.error, DEFAULT_OVERLAY_RANGE) : undefined;
  if (overlayRange === undefined) return story;
  watcher?.again(adaptedRangeText(overlayRange) ?? '');
  return { ...(await tell(target, { ...sameNode(options, story.attempts), ...overlayRange }, watcher)), overlayRange };
}

/** Options that lead to the same node that answered, when a name has several. */
function sameNode(options: ProbeOptions, attempts: readonly DialAttempt[] = []): ProbeOptions {
  const address = attempts.find(({ outcome }) => outcome === 'connected')?.address;
  return address === undefined ? options : { ...options, lookup: async () => [address] };
}

async function tell(target: Target | undefined, options: ProbeOptions, watcher?: HandshakeWatcher): Promise<Story> {
  const steps: HandshakeStep[] = [];
  const received = new ReceivedRecords();
  const clock = options.clock ?? systemClock;
  const phases: Partial<Record<`${Phase}Ms`, number>> = {};
  let connectedMs = clock.now().monotonicMs;
  const firstBytes = new FirstBytes();
  let attempts: readonly DialAttempt[] = [];
  const showSecrets = target === undefined || options.unsafeStepSecrets === true;
  const told: ProbeOptions = {
    ...options,
    unsafeStepSecrets: showSecrets || watcher !== undefined,
    onStep: (step) => {
      watcher?.step('A', step);
      steps.push(showSecrets ? step : withoutSecrets(step));
    },
    onBytes: (direction, bytes, connection) => {
      watcher?.bytes(direction === 'sent' ? 'A' : 'B', bytes);
      received.onBytes(direction, bytes, connection);
      firstBytes.onBytes(direction, bytes, connection);
    },
    onDialled: (all) => {
      attempts = all;
    },
  };
  const onPhase = (phase: Phase, ms: number): void => {
    phases[`${phase}Ms`] = ms;
    if (phase === 'tcp') connectedMs = clock.now().monotonicMs;
  };
  const story = {
    target: target && formatTarget(target),
    network: options.network,
    steps,
    next: received.afterAuth,
    get isCut() {
      return received.isFull;
    },
  };
  try {
    const connection =
      target === undefined
        ? await embedded(told, watcher)
        : await connect({ ...told, onPhase, ...target, adaptOverlayRange: false });
    try {
      await quiet(connection, received, LISTEN_MS);
      return { ...story, attempts, timings: connection.timings };
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (!(error instanceof OverlayError)) throw error;
    watcher?.failed();
    if (target === undefined) return { ...story, error };
    const lastedMs = clock.now().monotonicMs - connectedMs;
    const evidence = { ...firstBytes.seen, lastedMs, network: options.network };
    return { ...story, attempts, phases, error: await causeOf(error, evidence, target, sameNode(options, attempts)) };
  }
}

/** The failure with the message of a probe; a second look when the peer closed without an answer. */
async function causeOf(error: OverlayError, evidence: Evidence, target: Target, options: ProbeOptions): Promise<OverlayError> {
  if (!isSilentRefusal(error, evidence)) return diagnose(error, evidence);
  return diagnoseSilence(error, evidence, await secondLook(target, options, evidence.lastedMs), false);
}

/**
 * Both identities are made for this run; a user's seed is never shown. The embedded peer sends two documentation addresses and
 * behaves like v27.1.0.
 */
async function embedded(options: ProbeOptions, watcher: HandshakeWatcher | undefined): Promise<Connection> {
  const [connection] = await connectedPair(
    { ...options, identity: NodeIdentity.random() },
    {
      identity: NodeIdentity.random(),
      onStep: watcher && ((step) => watcher.step('B', step)),
      expectedPeerID: undefined,
      overlayVersion: 41,
      overlayMinVersion: 40,
      versionStr: 'embedded peer',
      listeningPort: 11625,
      scpStateLedgerSeq: 0,
      peers: [
        { ip: '192.0.2.4', port: 11625, numFailures: 0 },
        { ip: '198.51.100.7', port: 11625, numFailures: 0 },
      ],
    },
  );
  return connection;
}

function withoutSecrets(step: HandshakeStep): HandshakeStep {
  if (!('secrets' in step)) return step;
  const { secrets: _secrets, ...rest } = step;
  return rest;
}

/** Number of records after AUTH that are kept. */
const MAX_NEXT = 32;

/** Cuts received bytes into records and keeps the first ones after AUTH. */
export class ReceivedRecords {
  /** Record bodies. */
  readonly afterAuth: Uint8Array[] = [];
  readonly #cutter = new RecordCutter();
  #gotAuth = false;
  #bytes = 0;

  /** Whether no more records are kept. */
  get isFull(): boolean {
    return this.afterAuth.length >= MAX_NEXT || this.#bytes + this.#cutter.omitted * MAX_SHOWN_BYTES >= MAX_SHOWN_BYTES;
  }

  readonly onBytes: OnBytes = (direction, bytes) => {
    if (direction === 'sent' || this.isFull) return;
    for (const record of this.#cutter.push(bytes)) {
      const body = record.subarray(RECORD_HEADER_BYTES);
      if (this.#gotAuth && !this.isFull) {
        this.#bytes += body.length;
        this.afterAuth.push(body);
      }
      this.#gotAuth ||= body[15] === 2;
    }
  };
}

/**
 * Reads until the peer sends a request (its last message on its own initiative), until enough records are kept, or until the
 * time is over.
 * @throws {OverlayError} when the connection ends in that time, also when the peer closes normally: a peer that completed the
 * handshake should stay
 */
async function quiet(connection: Connection, received: ReceivedRecords, ms: number): Promise<void> {
  const asked = (async () => {
    for await (const message of connection) if (message.type === 'GET_SCP_STATE' || received.isFull) return;
    throw await connection.ended;
  })();
  const timer = AbortSignal.timeout(ms);
  await Promise.race([asked, new Promise((resolve) => timer.addEventListener('abort', resolve, { once: true }))]);
}
