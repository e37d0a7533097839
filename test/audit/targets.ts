/**
 * Targets of an audit, in memory: our own side of a connection, unchanged or broken on purpose, and a clock that jumps to the
 * next timer as soon as nothing else happens.
 * @module
 */

import { type Duplex, duplexPair } from 'node:stream';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { NodeIdentity, networks } from '../../src/index.ts';
import { newConnection } from '../../src/net/connection-info.ts';
import { Session } from '../../src/net/session.ts';
import type { CryptoProvider, MacKey } from '../../src/protocol/auth/crypto.ts';
import type { PeerRole } from '../../src/protocol/auth/key-schedule.ts';
import { PeerAuth } from '../../src/protocol/auth/peer-auth.ts';
import { concatBytes, fromHex } from '../../src/protocol/bytes.ts';
import { Peer, type PeerOptions } from '../../src/protocol/peer.ts';
import { ManualClock } from '../../src/testing/index.ts';
import { remembered, rememberedEcdhKey, rememberedSigningKey } from '../support/remembered.ts';

/**
 * An audit derives its keys from its seed: each audit of a file asks for the same few hundred keys, and mostly for the same
 * results of them.
 */
const { signingKey, ecdhKey, verify } = nodeCrypto;
Object.assign(nodeCrypto, {
  signingKey: remembered((seed) => rememberedSigningKey(signingKey(seed))),
  ecdhKey: remembered((secret) => rememberedEcdhKey(ecdhKey(secret))),
  verify: remembered(verify),
} satisfies Partial<CryptoProvider>);

/** Number of event loop turns without an event after which no further event will come by itself. */
const IDLE_TURNS = 12;

/** A clock that moves to the next timer when the process has nothing else to do. */
export class IdleClock extends ManualClock {
  #activity = 0;
  #running = true;

  constructor() {
    super();
    void this.#run();
  }

  /** Something happened, so the clock does not jump yet. */
  touch(): void {
    this.#activity++;
  }

  /** Stops the clock. */
  stop(): void {
    this.#running = false;
  }

  async #run(): Promise<void> {
    while (this.#running) {
      const before = this.#activity;
      for (let turn = 0; turn < IDLE_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (before === this.#activity) this.advanceToNext();
    }
  }
}

/** The state of the connection that a mutation changes. */
export interface Inside {
  readonly role: PeerRole;
  /** MAC keys of the target: for sending, then for receiving. */
  readonly macKeys: readonly MacKey[];
}

/** Changes one whole record, with its header. The returned record is passed on; undefined drops it. */
export type RecordFilter = (record: Uint8Array) => Uint8Array | undefined;

/** The fault of a target. */
export interface Mutation {
  readonly crypto?: Partial<CryptoProvider>;
  /** Whether every MAC is good. */
  readonly believesMacs?: boolean;
  readonly options?: Partial<PeerOptions>;
  /** What its ECDH key is made from. Default 9. */
  readonly ecdhSeed?: number;
  /** Changes the received records, also those of length 0. */
  readonly receives?: (inside: Inside) => RecordFilter;
  /** Changes the received chunks; undefined ends the connection. */
  readonly reads?: (inside: Inside) => (chunk: Uint8Array) => Uint8Array | undefined;
  /** Changes the sent records. */
  readonly sends?: (inside: Inside) => RecordFilter;
  /** Whether it ignores the end of the received stream. */
  readonly ignoresEnd?: boolean;
  /** Whether it never closes. */
  readonly neverCloses?: boolean;
  /** Milliseconds between its end and its FIN, as of the reference. */
  readonly closesAfterMs?: number;
  /** Whether it sends an ERROR_MSG before each close, also where none is due. */
  readonly saysGoodbye?: boolean;
  /** Whether its application takes no messages. */
  readonly isStuck?: boolean;
  /** Whether it sends many messages as soon as it may. */
  readonly isTalkative?: boolean;
  /** Peers it lets in, ever. */
  readonly slots?: number;
  /** Connections it answers at once; others hear nothing. */
  readonly answersAtOnce?: number;
  readonly handshakeTimeoutMs?: number;
  /** Whether it dies when its peer breaks the connection. */
  readonly diesOfReset?: boolean;
  /** Its nonce. */
  readonly nonce?: Uint8Array;
  /** Plays the other side by itself, instead of all this. */
  readonly plays?: (stream: Duplex, role: PeerRole) => void;
}

/** ERROR_MSG(ERR_MISC, “bye”). */
const GOODBYE = fromHex(`8000003c${'00'.repeat(12)}${'00'.repeat(8)}0000000362796500${'00'.repeat(32)}`);

/** The identity of all targets. */
export const TARGET_SEED: Uint8Array = new Uint8Array(32).fill(7);

/** A node in memory. */
export class MemoryTarget {
  readonly clock: IdleClock;
  readonly #mutation: Mutation;
  readonly #peerIDs = new Set<string>();
  #deaths = 0;
  #authenticated = 0;
  #open = 0;
  readonly #identity = NodeIdentity.fromSeed(TARGET_SEED);

  constructor(clock: IdleClock, mutation: Mutation = {}) {
    this.clock = clock;
    this.#mutation = mutation;
  }

  /** How often it has died; it is back at once. */
  get deaths(): number {
    return this.#deaths;
  }

  /** Our end of a new connection, the target playing its role at the other. */
  open(role: PeerRole, onSession: (session: Session) => void = () => {}): Duplex {
    const { clock } = this;
    const mutation = this.#mutation;
    const [ours, outer] = duplexPair();
    ours.on('data', () => clock.touch());
    outer.on('data', () => clock.touch());
    this.#open++;
    ours.on('close', () => {
      this.#open--;
      if (mutation.diesOfReset === true && !ours.writableEnded) this.#deaths++;
    });
    if (this.#open > (mutation.answersAtOnce ?? Number.POSITIVE_INFINITY)) return ours;
    if (mutation.plays !== undefined) {
      mutation.plays(outer, role);
      return ours;
    }
    const macKeys: MacKey[] = [];
    const crypto: CryptoProvider = {
      ...nodeCrypto,
      ...mutation.crypto,
      macKey: (key) => {
        const real = nodeCrypto.macKey(key);
        macKeys.push(nodeCrypto.macKey(key));
        if (mutation.believesMacs !== true) return real;
        return { seal: (...args) => real.seal(...args), verify: () => true, wipe: () => real.wipe() };
      },
    };
    const stream = this.#meddle(outer, { role, macKeys });
    const { identity } = this.#identity.peerAuth(networks.standalone);
    const ecdh = crypto.ecdhKey(new Uint8Array(32).fill(mutation.ecdhSeed ?? 9));
    let release = (): void => {};
    const peer = new Peer({
      ...{ role, crypto, nonce: mutation.nonce ?? globalThis.crypto.getRandomValues(new Uint8Array(32)) },
      peerAuth: new PeerAuth(crypto, identity, ecdh, networks.standalone.networkID),
      ...{ overlayVersion: 41, overlayMinVersion: 40, ledgerVersion: 27, versionStr: 'v27.1.0', listeningPort: 11625 },
      claimPeerID: (peerID) => {
        if (this.#peerIDs.has(peerID)) return false;
        this.#peerIDs.add(peerID);
        release = () => void this.#peerIDs.delete(peerID);
        return true;
      },
      takeSlot: () => ++this.#authenticated <= (mutation.slots ?? Number.POSITIVE_INFINITY),
      unknownMessages: 'refuse',
      ...mutation.options,
    });
    const session = new Session(peer, stream, {
      connection: newConnection({ role }).info,
      clock,
      handshakeTimeoutMs: mutation.handshakeTimeoutMs ?? 10_000,
    });
    void session.ended.then(() => release());
    onSession(session);
    if (mutation.isStuck !== true) void drain(session);
    if (mutation.isTalkative === true) void talk(session);
    return ours;
  }

  /** The stream the target gets: what goes over it is changed on the way. */
  #meddle(outer: Duplex, inside: Inside): Duplex {
    const { receives, reads, sends, ignoresEnd, neverCloses, closesAfterMs, saysGoodbye } = this.#mutation;
    const [inner, theirs] = duplexPair();
    const read = reads?.(inside);
    const receive = records(receives?.(inside));
    const send = records(sends?.(inside));
    const isTampered = receives !== undefined;
    outer.on('data', (chunk: Buffer) => {
      const bytes = read === undefined ? new Uint8Array(chunk) : read(new Uint8Array(chunk));
      if (bytes === undefined) {
        inner.destroy();
        outer.end();
      } else if (inner.writable) {
        if (!isTampered) inner.write(bytes);
        else for (const record of receive(bytes)) inner.write(record);
      }
    });
    outer.on('end', () => {
      if (ignoresEnd !== true) inner.end();
    });
    inner.on('data', (chunk: Buffer) => {
      if (!outer.writable) return;
      if (sends === undefined) outer.write(chunk);
      else for (const record of send(new Uint8Array(chunk))) outer.write(record);
    });
    const close = (): void => {
      if (neverCloses === true) return;
      if (saysGoodbye === true) outer.write(GOODBYE);
      if (closesAfterMs === undefined) outer.end();
      else {
        // Like the reference, it reads no more from then on.
        outer.pause();
        this.clock.setTimer(() => outer.end(), closesAfterMs);
      }
    };
    inner.on('end', close);
    inner.on('error', () => {});
    outer.on('error', () => {});
    outer.on('close', () => inner.destroy());
    return theirs;
  }
}

/** Cuts a stream into records, lets the filter change each, and passes on the result. */
function records(filter: RecordFilter | undefined): (chunk: Uint8Array) => readonly Uint8Array[] {
  let parts: Uint8Array[] = [];
  let length = 0;
  let needed = 4;
  return (chunk) => {
    parts.push(chunk);
    length += chunk.length;
    const out: Uint8Array[] = [];
    while (length >= needed) {
      const rest = concatBytes(...parts);
      const whole = 4 + (new DataView(rest.buffer).getUint32(0) & 0x7fffffff);
      parts = [rest];
      needed = whole;
      if (length < whole) break;
      parts = [rest.slice(whole)];
      length -= whole;
      needed = 4;
      const record = rest.slice(0, whole);
      const changed = filter === undefined ? record : filter(record);
      if (changed !== undefined) out.push(changed);
    }
    return out;
  };
}

async function drain(session: Session): Promise<void> {
  for (let message = await session.wait(); message !== undefined; message = session.take() ?? (await session.wait()))
    session.release(message);
}

/** Sends requests and flood messages, as many as are granted. */
async function talk(session: Session): Promise<void> {
  try {
    await session.authenticated;
    const hash = new Uint8Array(32).fill(1);
    for (let i = 0; i < 300; i++) {
      void session.send({ type: 'FLOOD_ADVERT', txHashes: [hash] }).catch(() => {});
      if (i % 100 === 0) void session.send({ type: 'GET_TX_SET', txSetHash: hash }).catch(() => {});
      if (i % 100 === 50) void session.send({ type: 'GET_SCP_QUORUMSET', qSetHash: hash }).catch(() => {});
    }
  } catch {
    // The connection has ended; the audit sees that.
  }
}

/** All that comes. */
export async function collect<T>(from: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const one of from) all.push(one);
  return all;
}
