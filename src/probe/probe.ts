/**
 * probe: one real handshake, and everything it shows about a node.
 * @module
 */
import { type Clock, systemClock } from '../net/clock.ts';
import { connect, SETTLE_MS, settled } from '../net/connect.ts';
import type { Connection } from '../net/connection.ts';
import type { OnBytes, Phase, Timings } from '../net/connection-info.ts';
import type { ConnectOptions } from '../net/options.ts';
import { formatTarget, type Target } from '../net/target.ts';
import type { Now } from '../protocol/clock.ts';
import { type DialAttempt, OverlayError, type OverlayErrorJson } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import { adaptedRangeText, DEFAULT_OVERLAY_RANGE, type OverlayRange, rangeAfter } from '../protocol/handshake/overlay-range.ts';
import { type ReceivedMessage, readMessage } from '../protocol/wire/authenticated-message.ts';
import { type ClockSkew, clockSkew, merged, type RemoteJson, remoteJson, roundMs } from '../report/json.ts';
import { diagnose, diagnoseSilence, isSilentRefusal } from './diagnose.ts';
import { type Evidence, FirstBytes } from './evidence.ts';
import { Knowledge } from './knowledge.ts';
import { breath, type ProbeHooks, type ProbeOptions } from './options.ts';
import { peerTexts } from './peer-texts.ts';

/** Duration of each phase that was completed, in milliseconds. */
export interface ProbeTimings extends Partial<Timings> {
  /** From the start to the failure, for a failed probe. */
  readonly failedAfterMs?: number;
}

/** Result of a probe, in the form that `--json` prints. */
export interface ProbeResult {
  readonly target: string;
  /** Start: ISO 8601, UTC. */
  readonly at: string;
  readonly ok: boolean;
  readonly role: 'WE_CALLED_REMOTE';
  /** The IP address of the connection, or the only one that was dialled. */
  readonly address?: string;
  /** The outcome of each address, in the order they were dialled; only when there was more than one. */
  readonly attempts?: readonly DialAttempt[];
  /** Present whenever the peer's certificate was valid, also when the handshake failed later. */
  readonly remote?: RemoteJson;
  /** Addresses of other nodes that the node sent, `HOST:PORT`. A full node sends them too, so that newcomers find other nodes. */
  readonly peers?: readonly string[];
  readonly timings?: ProbeTimings;
  readonly clockSkew?: ClockSkew;
  /** The overlay range that our HELLO advertised, when it was the node's range in place of our own. */
  readonly overlayRange?: OverlayRange | undefined;
  readonly error?: OverlayErrorJson;
  /** Notes about the node although the handshake succeeded. */
  readonly warnings?: readonly string[];
}

/** Clock skew below which there is no warning, in seconds. */
const SKEW_TOLERANCE_SECONDS = 10;

/**
 * Probes one target. It requests only what it needs, then closes the connection.
 * @param hooks what is called meanwhile, in place of the same functions in the options
 * @throws {TypeError | RangeError} when an option is wrong; every failure of the connection is in the result
 */
export function probe(target: Target, options: ProbeOptions, hooks: ProbeHooks = options): Promise<ProbeResult> {
  const { known = new Knowledge(), overlayVersion, overlayMinVersion } = options;
  const mayAdapt = overlayVersion === undefined && overlayMinVersion === undefined;
  const range = mayAdapt ? known.overlayRange : undefined;
  return attempt(target, options, hooks, range).then((first) => {
    const its = first.failure && mayAdapt ? rangeAfter(first.failure.error, range ?? DEFAULT_OVERLAY_RANGE) : undefined;
    if (its === undefined && isClear(first)) return withRange(diagnosed(first, known), range);
    return furtherResult(first, target, options, hooks, known, range, its);
  });
}

/** The result after more connections. @param its the node's own range of overlay versions, when it needs another one */
async function furtherResult(
  first: Attempt,
  target: Target,
  options: ProbeOptions,
  hooks: ProbeHooks,
  known: Knowledge,
  range: OverlayRange | undefined,
  its: OverlayRange | undefined,
): Promise<ProbeResult> {
  const { address, attempts } = first.result;
  // A name can have several nodes: the second look goes to the one that answered.
  const again = address === undefined ? options : { ...options, lookup: async () => [address] };
  const told = (result: ProbeResult): ProbeResult => (attempts === undefined ? result : { ...result, attempts });
  if (its === undefined) return told(withRange(await explained(first, target, again, hooks, known), range));
  // The node is newer or older than this package: use its own range.
  known.overlayRange = its;
  await breath(options);
  const second = await attempt(target, again, hooks, its);
  return told(withRange(await explained(second, target, again, hooks, known), its));
}

/** One connection and its result. */
interface Attempt {
  readonly result: ProbeResult;
  /** Why it failed, and what was seen of the connection. */
  readonly failure?: { readonly error: OverlayError; readonly evidence: Evidence };
}

/** @param range the overlay versions to advertise; undefined: as the options say */
function attempt(target: Target, options: ProbeOptions, hooks: ProbeHooks, range?: OverlayRange): Promise<Attempt> {
  const seen = new Seen(target, options, hooks);
  return connect(connectOptions(target, options, range, seen)).then(
    (connection) => seen.talk(connection),
    (error) => seen.failed(error),
  );
}

/**
 * What was seen of one attempt so far. Subtle: a crawl has a hundred of them open at once, and the garbage collector copies what
 * each one holds. So it is one object that waits in no function, and it holds no steps, decoded messages or copies of options.
 */
class Seen {
  readonly #target: Target;
  readonly #options: ProbeOptions;
  readonly #hooks: ProbeHooks;
  readonly #clock: Clock;
  readonly #start: Now;
  readonly #firstBytes = new FirstBytes();
  readonly #phases: { -readonly [P in Phase as `${P}Ms`]?: number } = {};
  #dialled: Pick<ProbeResult, 'address' | 'attempts'> | undefined;
  #connectedMs = 0;
  #peers: Extract<ReceivedMessage, { type: 'PEERS' }> | undefined;

  constructor(target: Target, options: ProbeOptions, hooks: ProbeHooks) {
    this.#target = target;
    this.#options = options;
    this.#hooks = hooks;
    this.#clock = options.clock ?? systemClock;
    this.#start = this.#clock.now();
  }

  readonly onBytes: OnBytes = (direction, bytes, connection) => {
    this.#firstBytes.onBytes(direction, bytes, connection);
    this.#options.onBytes?.(direction, bytes, connection);
  };

  readonly onPhase = (phase: Phase, ms: number): void => {
    this.#phases[`${phase}Ms`] = ms;
    this.#hooks.onPhase?.(phase, ms);
    if (phase === 'tcp') this.#connectedMs = this.#elapsedMs();
  };

  readonly onDialled = (attempts: readonly DialAttempt[]): void => {
    this.#dialled = dialledFacts(attempts);
    this.#options.onDialled?.(attempts);
  };

  /** The handshake is complete. */
  async talk(connection: Connection): Promise<Attempt> {
    let pingMs: number | undefined;
    let { unixSeconds } = this.#start;
    try {
      const reading = this.#read(connection);
      try {
        const settling = settled(connection, this.#clock);
        const staying = this.#hooks.stay?.(connection);
        pingMs = await (staying === undefined ? settling : Promise.all([settling, staying]).then(([ms]) => ms));
        unixSeconds = this.#clock.now().unixSeconds;
      } finally {
        await connection.close();
        await reading;
      }
    } catch (error) {
      return this.failed(error);
    }
    return { result: this.#succeeded(connection, pingMs, unixSeconds) };
  }

  /** @throws what is no failure of a connection */
  failed(error: unknown): Attempt {
    if (!(error instanceof OverlayError)) throw error;
    const { unixSeconds } = this.#clock.now();
    const peers = error.peers?.map(({ ip, port }) => formatTarget({ host: ip, port })) ?? this.#peerTexts();
    const result = this.#result(
      false,
      facts(error.remote, unixSeconds),
      claimedSkew(error, this.#firstBytes.receivedBody, unixSeconds),
      peers && { peers },
      { timings: roundMs(merged<ProbeTimings>(this.#phases, { failedAfterMs: this.#elapsedMs() })) },
    );
    const lastedMs = this.#elapsedMs() - this.#connectedMs;
    const { firstBytes, isEcho } = this.#firstBytes.seen;
    return { result, failure: { error, evidence: { firstBytes, isEcho, lastedMs, network: this.#options.network } } };
  }

  #succeeded({ remote, timings }: Connection, pingMs: number | undefined, unixSeconds: number): ProbeResult {
    const peers = this.#peerTexts();
    return this.#result(
      true,
      facts(remote, unixSeconds),
      peers && { peers },
      { timings: roundMs(merged<ProbeTimings>(timings, pingMs === undefined ? undefined : { pingMs })) },
      warningsOf(remote, pingMs, this.#target, unixSeconds),
    );
  }

  #result(ok: boolean, ...found: readonly (Partial<ProbeResult> | undefined)[]): ProbeResult {
    const at = new Date(this.#start.unixSeconds * 1000).toISOString();
    const about = { target: formatTarget(this.#target), at, ok, role: 'WE_CALLED_REMOTE' } as const;
    return merged<ProbeResult>(about, this.#dialled, ...found);
  }

  #peerTexts(): readonly string[] | undefined {
    return this.#peers && peerTexts(this.#peers);
  }

  #elapsedMs(): number {
    return this.#clock.now().monotonicMs - this.#start.monotonicMs;
  }

  /** Reads until the connection ends. Never rejects. */
  async #read(connection: Connection): Promise<void> {
    try {
      for await (const message of connection) {
        if (message.type === 'PEERS') this.#peers = message;
        this.#hooks.onMessage?.(message);
      }
    } catch {
      // The reason of the end is reported elsewhere.
    }
  }
}

/** Subtle: one literal. V8 makes a hash table of 3 KB of an object of this size that is put together from others. */
function connectOptions(
  { host, port }: Target,
  options: ProbeOptions,
  { overlayVersion, overlayMinVersion }: Pick<ConnectOptions, keyof OverlayRange> = options,
  { onBytes, onPhase, onDialled }: Pick<ConnectOptions, 'onBytes' | 'onPhase' | 'onDialled'>,
): ConnectOptions {
  const { scpStateLedgerSeq = null } = options;
  return {
    host,
    port,
    network: options.network,
    identity: options.identity,
    crypto: options.crypto,
    overlayVersion,
    overlayMinVersion,
    // Subtle: another range of versions needs another attempt, with its own result.
    adaptOverlayRange: false,
    ledgerVersion: options.ledgerVersion,
    versionStr: options.versionStr,
    listeningPort: options.listeningPort,
    handshakeTimeoutMs: options.handshakeTimeoutMs,
    peerTimeoutMs: options.peerTimeoutMs,
    ecdh: options.ecdh,
    unknownMessages: options.unknownMessages,
    floodCapacity: options.floodCapacity,
    scpStateLedgerSeq,
    serves: options.serves,
    isBanned: options.isBanned,
    signal: options.signal,
    onStep: options.onStep,
    unsafeStepSecrets: options.unsafeStepSecrets,
    onBytes,
    clock: options.clock,
    family: options.family,
    lookup: options.lookup,
    expectedPeerID: options.expectedPeerID,
    onPhase,
    onDialled,
  } satisfies Record<keyof Omit<ConnectOptions, 'listener' | 'settle'>, unknown>;
}

/** Whether an attempt alone shows what it found. */
function isClear({ failure }: Attempt): boolean {
  return failure === undefined || !isSilentRefusal(failure.error, failure.evidence);
}

/** The result of a clear attempt, with the cause of its failure. */
function diagnosed({ result, failure }: Attempt, known: Knowledge): ProbeResult {
  known.forget();
  if (failure === undefined) return result;
  return merged<ProbeResult>(result, { error: diagnose(failure.error, failure.evidence).toJSON() });
}

/** The result of an attempt, with the cause of its failure. Finding the cause can take more connections. */
async function explained(
  attempted: Attempt,
  target: Target,
  options: ProbeOptions,
  hooks: ProbeHooks,
  known: Knowledge,
): Promise<ProbeResult> {
  const { result, failure } = attempted;
  if (failure === undefined || isClear(attempted)) return diagnosed(attempted, known);
  const { error, evidence } = failure;
  const clock = options.clock ?? systemClock;
  let finding = known.findingOf(error, clock.now().monotonicMs);
  if (finding === undefined) {
    // Most probes need none.
    const { secondLook } = await import('./second-look.ts');
    finding = await secondLook(target, options, evidence.lastedMs);
    if (finding.is === 'lets-others-in') {
      await breath(options);
      const again = await attempt(target, options, hooks);
      if (isClear(again)) {
        const warning = 'It closed the first connection without an answer, and accepted the next one.';
        return withWarning(await explained(again, target, options, hooks, known), warning);
      }
    }
    if (finding.is !== 'cut-short' && finding.is !== 'not-taken') known.learn(error, finding, clock.now().monotonicMs);
  }
  const cause = diagnoseSilence(error, evidence, finding, options.identity !== undefined);
  // The finding already shows that the clocks differ: accept any skew.
  const within = finding.is === 'own-clock-behind' ? Number.POSITIVE_INFINITY : undefined;
  return { ...result, ...facts(cause.remote, clock.now().unixSeconds, within), error: cause.toJSON() };
}

/** Reports that another range than ours was advertised, in a field and in a warning. */
function withRange(result: ProbeResult, range: OverlayRange | undefined): ProbeResult {
  const warning = range && adaptedRangeText(range, 'probed');
  return warning === undefined ? result : { ...withWarning(result, warning), overlayRange: range };
}

function withWarning(result: ProbeResult, warning: string): ProbeResult {
  return { ...result, warnings: [...(result.warnings ?? []), warning] };
}

/** Which address was used, and the outcome of all of them when there were several. */
export function dialledFacts(attempts: readonly DialAttempt[]): Pick<ProbeResult, 'address' | 'attempts'> {
  const connected = attempts.find(({ outcome }) => outcome === 'connected') ?? (attempts.length === 1 ? attempts[0] : undefined);
  const rounded = attempts.map((attempt) => ({ ...attempt, ...roundMs({ ms: attempt.ms }) }));
  return { ...(connected && { address: connected.address }), ...(attempts.length > 1 && { attempts: rounded }) };
}

function facts(remote: RemotePeer | undefined, unixSeconds: number, within?: number): Pick<ProbeResult, 'remote' | 'clockSkew'> {
  if (remote === undefined) return {};
  const skew = clockSkew(remote, unixSeconds, within);
  return { remote: remoteJson(remote), ...(skew && { clockSkew: skew }) };
}

/** An expired certificate proves nothing, but it shows by how much the clocks differ. */
function claimedSkew({ code }: OverlayError, hello: Uint8Array | undefined, unixSeconds: number): Pick<ProbeResult, 'clockSkew'> {
  const message = code === 'OVERLAY_CERT_EXPIRED' && hello !== undefined ? readMessage(hello) : undefined;
  if (message?.type !== 'HELLO') return {};
  const skew = clockSkew({ certExpirationSeconds: message.cert.expiration }, unixSeconds, Number.POSITIVE_INFINITY);
  return skew === undefined ? {} : { clockSkew: skew };
}

/** Warnings about a node that completes the handshake. */
function warningsOf(
  remote: RemotePeer,
  pingMs: number | undefined,
  { port }: Target,
  unixSeconds: number,
): Pick<ProbeResult, 'warnings'> {
  const warnings: string[] = [];
  const skew = clockSkew(remote, unixSeconds);
  if (skew === undefined) {
    const inMs = Number(remote.certExpirationSeconds) / 1000 - unixSeconds;
    const unit = Math.abs(inMs) < 366 * 86_400 ? 'in milliseconds instead of seconds' : 'far from now';
    warnings.push(`Its certificate is dated ${unit}: it works, but it never expires for a node that checks it.`);
  } else if (skew.minSeconds > SKEW_TOLERANCE_SECONDS || skew.maxSeconds < -SKEW_TOLERANCE_SECONDS) {
    const by = skew.minSeconds > 0 ? `at least ${skew.minSeconds} s ahead of` : `at least ${-skew.maxSeconds} s behind`;
    warnings.push(`Its clock is ${by} ours, if it dates certificates as stellar-core does: synchronise both with NTP.`);
  }
  if (remote.listeningPort !== port)
    warnings.push(
      `It advertises listening port ${remote.listeningPort} (PEER_PORT), but was dialled on port ${port}: other nodes learn the advertised port, and reach it only if that port also leads to it.`,
    );
  if (pingMs === undefined) warnings.push(`It did not answer a ping within ${SETTLE_MS} ms after the handshake.`);
  return warnings.length > 0 ? { warnings } : {};
}
