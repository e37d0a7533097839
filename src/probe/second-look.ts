/**
 * A second look at a node that closed without an answer. The protocol reacts to a wrong network passphrase, a clock that is
 * behind, a ban, a full node and more in the same way: it closes and sends nothing. Further attempts with other values show the
 * difference.
 * @module
 */
import { offAbort, onAbort } from '../net/abort.ts';
import { type Clock, systemClock } from '../net/clock.ts';
import { connect } from '../net/connect.ts';
import { dial } from '../net/dial.ts';
import { NodeIdentity } from '../net/identity.ts';
import type { Target } from '../net/target.ts';
import { CERT_LIFETIME_SECONDS, CERT_REFRESH_SECONDS, HANDSHAKE_TIMEOUT_MS } from '../protocol/constants.ts';
import { OverlayError } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import { type Network, networks } from '../protocol/networks.ts';
import { readMessage } from '../protocol/wire/authenticated-message.ts';
import type { Finding } from './knowledge.ts';
import { breath, type ProbeOptions } from './options.ts';

/** The year 2096. A certificate that expires then is valid by every clock. Later dates are not in seconds. */
export const FAR_FUTURE_SECONDS = 4_000_000_000;
/** A node that closes a silent connection within this time closes at once; stellar-core waits ten seconds. In milliseconds. */
const AT_ONCE_MS = 1_000;

/** Time limits when the looks run one after the other, in milliseconds: of each look, and of all together. */
const GENTLE_LOOK_MS = 1_500;
const GENTLE_MS = 6_000;

/**
 * Makes several attempts, each with its own key, until the node answers one with a HELLO. They run in parallel, or one after
 * the other with `oneAtATime`. Never rejects; nothing stays open.
 * @param lastedMs duration of the connection that the node closed, in milliseconds: a proxy closes every connection after the
 * same time
 */
export async function secondLook(target: Target, options: ProbeOptions, lastedMs = 0): Promise<Finding> {
  if (options.secondLook === false) return { is: 'not-taken' };
  options.onSecondLook?.();
  const over = new AbortController();
  const { signal } = over;
  // Subtle: not AbortSignal.any, of which a signal that lives longer keeps a kilobyte each time.
  const watch = onAbort(options.signal, () => over.abort());
  if (options.signal?.aborted) over.abort();
  const { handshakeTimeoutMs: timeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  // stellar-core closes five seconds after it has decided to. It sends HELLO at once or never.
  const within = { ...options, signal, ...(options.oneAtATime && { handshakeTimeoutMs: Math.min(GENTLE_LOOK_MS, timeoutMs) }) };
  const others = Object.values(networks).filter(({ networkID }) => networkID !== options.network.networkID);
  const looks = [
    ...others.map((network) => () => onAnotherNetwork(target, within, network)),
    () => withLaterCertificate(target, within),
    () => withAnotherKey(target, within),
  ];
  const unheard = (): Promise<number | undefined> => closesUnheard(target, lastedMs, within);
  const otherwise = (unheardMs: number | undefined): Finding => {
    if (unheardMs !== undefined && unheardMs < AT_ONCE_MS) return { is: 'closes-at-once' };
    // A node refuses us because of what we send: stellar-core closes 5 s after that, and 10 s after nothing.
    if (unheardMs !== undefined && Math.abs(unheardMs - lastedMs) <= toleranceMs(lastedMs))
      return { is: 'closes-unheard', afterMs: unheardMs };
    return { is: signal.aborted ? 'cut-short' : 'nothing' };
  };
  if (options.oneAtATime) {
    const deadline = (options.clock ?? systemClock).setTimer(() => over.abort(), Math.min(GENTLE_MS, timeoutMs));
    try {
      for (const look of looks) {
        await breath(options);
        const finding = await look();
        if (finding !== undefined) return finding;
      }
      await breath(options);
      return otherwise(await unheard());
    } finally {
      deadline.cancel();
      offAbort(options.signal, watch);
    }
  }
  const running = looks.map((look) => look());
  const closing = unheard();
  try {
    return (await firstOf(running)) ?? otherwise(await closing);
  } finally {
    offAbort(options.signal, watch);
    over.abort();
    await Promise.all([...running, closing]);
  }
}

async function withAnotherKey(target: Target, options: ProbeOptions): Promise<Finding | undefined> {
  const remote = await helloOf(target, options);
  return remote && { is: 'lets-others-in', remote };
}

async function onAnotherNetwork(target: Target, options: ProbeOptions, network: Network): Promise<Finding | undefined> {
  const remote = await helloOf(target, options, { network });
  return remote && { is: 'other-network', network, remote };
}

/** With a certificate of another expiration: does the node treat ours as expired? */
async function withLaterCertificate(target: Target, options: ProbeOptions): Promise<Finding | undefined> {
  const clock = options.clock ?? systemClock;
  let expiration: bigint | undefined;
  const onStep: ProbeOptions['onStep'] = (step, connection) => {
    options.onStep?.(step, connection);
    if (step.step !== 'received' || step.type !== 'HELLO') return;
    const hello = readMessage(step.body);
    if (hello.type === 'HELLO') expiration = hello.cert.expiration;
  };
  await helloOf(target, options, { onStep, clock: clockAt(FAR_FUTURE_SECONDS, clock) });
  if (expiration === undefined || expiration > BigInt(FAR_FUTURE_SECONDS)) return undefined;
  // Its certificate was signed at most this long before its expiration.
  const itsSeconds = Number(expiration) - CERT_LIFETIME_SECONDS;
  const aheadSeconds = Math.round(itsSeconds - clock.now().unixSeconds);
  // It may have been signed half an hour later, and a certificate of ours is valid for at least half an hour.
  if (aheadSeconds + CERT_REFRESH_SECONDS <= CERT_REFRESH_SECONDS) return undefined;
  const seconds = Math.max(aheadSeconds, CERT_REFRESH_SECONDS);
  // The current time by the node's clock, so that its certificate can be verified.
  const remote = await helloOf(target, options, { clock: clockAt(itsSeconds + CERT_REFRESH_SECONDS / 2, clock) });
  return remote && { is: 'own-clock-behind', seconds, remote };
}

/** How far two durations may differ and still count as the same timeout of a peer. */
function toleranceMs(ms: number): number {
  return 100 + ms / 10;
}

/**
 * After how many milliseconds the node closes a connection on which nothing was sent; undefined when that differs from the
 * other duration.
 */
async function closesUnheard({ host, port }: Target, lastedMs: number, options: ProbeOptions): Promise<number | undefined> {
  const { clock = systemClock, handshakeTimeoutMs: timeoutMs = HANDSHAKE_TIMEOUT_MS, signal, family, lookup } = options;
  const socket = await dial({ host, port, family, lookup, clock, timeoutMs, signal }).catch(() => undefined);
  if (socket === undefined) return undefined;
  const startMs = clock.now().monotonicMs;
  const closedMs = await new Promise<number | undefined>((resolve) => {
    // Bytes that arrived by then count, however busy this process is.
    const watchedMs = Math.max(AT_ONCE_MS, lastedMs + toleranceMs(lastedMs));
    const timer = clock.setTimer(() => setImmediate(resolve, undefined), watchedMs);
    const settle = (isClosed: boolean) => (): void => {
      timer.cancel();
      offAbort(signal, watch);
      resolve(isClosed ? clock.now().monotonicMs - startMs : undefined);
    };
    const stay = settle(false);
    const watch = onAbort(signal, stay);
    if (signal?.aborted) stay();
    socket
      .on('error', () => {})
      .on('data', stay)
      .on('end', settle(true))
      .on('close', settle(true));
  });
  socket.destroy();
  return closedMs;
}

/**
 * The peer that answers with a HELLO; undefined when none does. The identity is random, because the node may refuse ours.
 * @param own what differs from the options
 */
async function helloOf(
  { host, port }: Target,
  options: ProbeOptions,
  own: Pick<Partial<ProbeOptions>, 'network' | 'clock' | 'onStep'> = {},
): Promise<RemotePeer | undefined> {
  const { network, clock, onStep } = options;
  const { crypto, handshakeTimeoutMs, signal, family, lookup, onBytes, overlayVersion, overlayMinVersion } = options;
  try {
    const connection = await connect({
      host,
      port,
      network: own.network ?? network,
      identity: NodeIdentity.random(),
      crypto,
      overlayVersion,
      overlayMinVersion,
      handshakeTimeoutMs,
      scpStateLedgerSeq: null,
      signal,
      onStep: own.onStep ?? onStep,
      onBytes,
      clock: own.clock ?? clock,
      family,
      lookup,
    });
    await connection.close();
    return connection.remote;
  } catch (error) {
    return error instanceof OverlayError ? error.remote : undefined;
  }
}

/** A clock with the same timers and another date. */
function clockAt(unixSeconds: number, clock: Clock): Clock {
  const ahead = unixSeconds - clock.now().unixSeconds;
  const now: Clock['now'] = () => ({ ...clock.now(), unixSeconds: clock.now().unixSeconds + ahead });
  return { now, setTimer: (callback, ms) => clock.setTimer(callback, ms) };
}

/** The first look that finds something; undefined when none does. */
async function firstOf(looks: readonly Promise<Finding | undefined>[]): Promise<Finding | undefined> {
  return new Promise((resolve) => {
    for (const look of looks) void look.then((finding) => finding && resolve(finding));
    void Promise.all(looks).then(() => resolve(undefined));
  });
}
