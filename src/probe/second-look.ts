/**
 * A second look at a node that closed without a word. The protocol answers a wrong network passphrase, a clock that is
 * behind, a ban, a full node and more with the same silence; what tells them apart is whether another attempt fares better.
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
import { networks } from '../protocol/networks.ts';
import { readMessage } from '../protocol/wire/authenticated-message.ts';
import type { Finding } from './knowledge.ts';
import type { ProbeOptions } from './options.ts';

/** The year 2096: a certificate that ends then has expired by nobody's clock, and dates behind it are no seconds. */
export const FAR_FUTURE_SECONDS = 4_000_000_000;
/** Who closes a connection so soon on which we say nothing does so at once; stellar-core takes ten seconds, in milliseconds. */
const AT_ONCE_MS = 1_000;

/** Connections of a second look at most: one for each other network known, two with a later certificate, one with another key, one that says nothing, and the first attempt again. */
export const SECOND_LOOK_CONNECTIONS: number = Object.keys(networks).length + 5;

/** One after the other, each look gets so long, and all of them together, in milliseconds. */
const GENTLE_LOOK_MS = 1_500;
const GENTLE_MS = 6_000;
/** Who wants one connection at a time gives the node a moment to hear of the end of the last one, in milliseconds. */
const BREATH_MS = 100;

/** Lets that moment pass between two connections to the same node. */
export async function breath({ oneAtATime, clock = systemClock }: ProbeOptions): Promise<void> {
  if (oneAtATime) await new Promise<void>((resolve) => void clock.setTimer(resolve, BREATH_MS));
}

/**
 * Looks at the node in several ways, each with a key of its own, until one of them is answered with a HELLO: side by side,
 * or one after the other for `oneAtATime`. Never rejects; nothing is left open.
 * @param lastedMs how long the connection lasted that it closed, in milliseconds: a proxy closes every one after the same time
 */
export async function secondLook(target: Target, options: ProbeOptions, lastedMs = 0): Promise<Finding> {
  if (options.secondLook === false) return { is: 'not-taken' };
  options.onSecondLook?.();
  const over = new AbortController();
  const signal = options.signal === undefined ? over.signal : AbortSignal.any([over.signal, options.signal]);
  const { handshakeTimeoutMs: timeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  // stellar-core closes five seconds after it has decided to, and says HELLO at once or never.
  const within = { ...options, signal, ...(options.oneAtATime && { handshakeTimeoutMs: Math.min(GENTLE_LOOK_MS, timeoutMs) }) };
  const others = Object.values(networks).filter(({ networkID }) => networkID !== options.network.networkID);
  const looks = [
    ...others.map((network) => () => onAnotherNetwork(target, { ...within, network })),
    () => withLaterCertificate(target, within),
    () => withAnotherKey(target, within),
  ];
  const unheard = (): Promise<number | undefined> => closesUnheard(target, lastedMs, within);
  const otherwise = (unheardMs: number | undefined): Finding => {
    if (unheardMs !== undefined && unheardMs < AT_ONCE_MS) return { is: 'closes-at-once' };
    // A node that refuses us does so by what we say: stellar-core closes 5 s after that, and 10 s after nothing.
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
    }
  }
  const running = looks.map((look) => look());
  const closing = unheard();
  try {
    return (await firstOf(running)) ?? otherwise(await closing);
  } finally {
    over.abort();
    await Promise.all([...running, closing]);
  }
}

async function withAnotherKey(target: Target, options: ProbeOptions): Promise<Finding | undefined> {
  const remote = await helloOf(target, options);
  return remote && { is: 'lets-others-in', remote };
}

async function onAnotherNetwork(target: Target, options: ProbeOptions): Promise<Finding | undefined> {
  const remote = await helloOf(target, options);
  return remote && { is: 'other-network', network: options.network, remote };
}

/** With a certificate that ends in another time: does the node only think that ours has expired? */
async function withLaterCertificate(target: Target, options: ProbeOptions): Promise<Finding | undefined> {
  const clock = options.clock ?? systemClock;
  let expiration: bigint | undefined;
  const onStep: ProbeOptions['onStep'] = (step, connection) => {
    options.onStep?.(step, connection);
    if (step.step !== 'received' || step.type !== 'HELLO') return;
    const hello = readMessage(step.body);
    if (hello.type === 'HELLO') expiration = hello.cert.expiration;
  };
  await helloOf(target, { ...options, onStep, clock: clockAt(FAR_FUTURE_SECONDS, clock) });
  if (expiration === undefined || expiration > BigInt(FAR_FUTURE_SECONDS)) return undefined;
  // Its certificate was signed at most so long before its end.
  const itsSeconds = Number(expiration) - CERT_LIFETIME_SECONDS;
  const aheadSeconds = Math.round(itsSeconds - clock.now().unixSeconds);
  // It may have been signed half an hour later, and a certificate of ours is good for half an hour at least.
  if (aheadSeconds + CERT_REFRESH_SECONDS <= CERT_REFRESH_SECONDS) return undefined;
  const seconds = Math.max(aheadSeconds, CERT_REFRESH_SECONDS);
  // Now by its clock, so that its certificate can be verified.
  const remote = await helloOf(target, { ...options, clock: clockAt(itsSeconds + CERT_REFRESH_SECONDS / 2, clock) });
  return remote && { is: 'own-clock-behind', seconds, remote };
}

/** How far two times may differ that are the same to a peer. */
function toleranceMs(ms: number): number {
  return 100 + ms / 10;
}

/** After how many milliseconds it closes a connection on which nothing has been said; undefined when not as soon as the other. */
async function closesUnheard(target: Target, lastedMs: number, options: ProbeOptions): Promise<number | undefined> {
  const { clock = systemClock, handshakeTimeoutMs: timeoutMs = HANDSHAKE_TIMEOUT_MS, signal, family, lookup } = options;
  const socket = await dial({ ...target, family, lookup, clock, timeoutMs, signal }).catch(() => undefined);
  if (socket === undefined) return undefined;
  const startMs = clock.now().monotonicMs;
  const closedMs = await new Promise<number | undefined>((resolve) => {
    // What has come by then counts, however busy this process is.
    const watchedMs = Math.max(AT_ONCE_MS, lastedMs + toleranceMs(lastedMs));
    const timer = clock.setTimer(() => setImmediate(resolve, undefined), watchedMs);
    const settle = (isClosed: boolean) => (): void => {
      timer.cancel();
      offAbort(signal, stay);
      resolve(isClosed ? clock.now().monotonicMs - startMs : undefined);
    };
    const stay = settle(false);
    onAbort(signal, stay);
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

/** Who answers with a HELLO, if anyone does. A random identity: ours may be what is refused. */
async function helloOf(target: Target, options: ProbeOptions): Promise<RemotePeer | undefined> {
  const { network, crypto, handshakeTimeoutMs, signal, clock, family, lookup, onBytes, onStep } = options;
  const { overlayVersion, overlayMinVersion } = options;
  const limits = { crypto, handshakeTimeoutMs, signal, clock, family, lookup, overlayVersion, overlayMinVersion };
  try {
    const identity = NodeIdentity.random();
    const connection = await connect({ ...limits, onBytes, onStep, ...target, network, identity, scpStateLedgerSeq: null });
    await connection.close();
    return connection.remote;
  } catch (error) {
    return error instanceof OverlayError ? error.remote : undefined;
  }
}

/** The same timers at another date. */
function clockAt(unixSeconds: number, clock: Clock): Clock {
  const ahead = unixSeconds - clock.now().unixSeconds;
  const now: Clock['now'] = () => ({ ...clock.now(), unixSeconds: clock.now().unixSeconds + ahead });
  return { now, setTimer: (callback, ms) => clock.setTimer(callback, ms) };
}

/** The first that finds something; undefined when none does. */
async function firstOf(looks: readonly Promise<Finding | undefined>[]): Promise<Finding | undefined> {
  return new Promise((resolve) => {
    for (const look of looks) void look.then((finding) => finding && resolve(finding));
    void Promise.all(looks).then(() => resolve(undefined));
  });
}
