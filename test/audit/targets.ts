/**
 * Targets of an audit, in memory: our own side of a connection, as it is or broken on purpose, and a clock that jumps to the
 * next timer as soon as nothing else happens.
 * @module
 */
import { type Duplex, duplexPair } from 'node:stream';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { NodeIdentity, networks } from '../../src/index.ts';
import { Session } from '../../src/net/session.ts';
import type { CryptoProvider } from '../../src/protocol/auth/crypto.ts';
import type { PeerRole } from '../../src/protocol/auth/key-schedule.ts';
import { PeerAuth } from '../../src/protocol/auth/peer-auth.ts';
import { fromHex } from '../../src/protocol/bytes.ts';
import { Peer, type PeerOptions } from '../../src/protocol/peer.ts';
import { ManualClock } from '../../src/testing/index.ts';

/** Turns of the event loop without anything new after which nothing more will happen by itself. */
const IDLE_TURNS = 12;

/** A clock that moves to the next timer when the process has nothing else to do. */
export class IdleClock extends ManualClock {
  #activity = 0;
  #running = true;

  constructor() {
    super();
    void this.#run();
  }

  /** Something happens: time stands still. */
  touch(): void {
    this.#activity++;
  }

  /** Time stands still for good. */
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

/** What is broken about a target. */
export interface Mutation {
  readonly crypto?: CryptoProvider;
  readonly options?: Partial<PeerOptions>;
  /** What its ECDH key is made from. Default 9. */
  readonly ecdhSeed?: number;
  /** Changes what it receives. */
  readonly input?: (peer: PeerOptions) => (chunk: Uint8Array) => Uint8Array;
  /** Changes what it sends. */
  readonly output?: (peer: PeerOptions) => (chunk: Uint8Array) => Uint8Array;
}

/** A node in memory. */
export class MemoryTarget {
  readonly clock: IdleClock;
  readonly #mutation: Mutation;
  readonly #peerAuth: PeerAuth;
  readonly #peerIDs = new Set<string>();

  constructor(clock: IdleClock, mutation: Mutation = {}) {
    this.clock = clock;
    this.#mutation = mutation;
    const crypto = mutation.crypto ?? nodeCrypto;
    const identity = NodeIdentity.fromSeed(new Uint8Array(32).fill(7)).peerAuth(networks.standalone).identity;
    const ecdh = crypto.ecdhKey(new Uint8Array(32).fill(mutation.ecdhSeed ?? 9));
    this.#peerAuth = new PeerAuth(crypto, identity, ecdh, fromHex(networks.standalone.networkID));
  }

  /** Our end of a new connection, the target playing its role at the other. */
  open(role: PeerRole, onSession: (session: Session) => void = () => {}): Duplex {
    const { clock } = this;
    const { crypto = nodeCrypto, options } = this.#mutation;
    const [ours, theirs] = duplexPair();
    for (const stream of [ours, theirs]) stream.on('data', () => clock.touch());
    let release = (): void => {};
    const peer = new Peer({
      ...{ role, crypto, peerAuth: this.#peerAuth, nonce: randomNonce() },
      ...{ overlayVersion: 41, overlayMinVersion: 40, ledgerVersion: 27, versionStr: 'v27.1.0', listeningPort: 11625 },
      claimPeerID: (peerID) => {
        if (this.#peerIDs.has(peerID)) return false;
        this.#peerIDs.add(peerID);
        release = () => void this.#peerIDs.delete(peerID);
        return true;
      },
      ...options,
    });
    const session = new Session(peer, theirs, { connection: { role }, clock, handshakeTimeoutMs: 10_000 });
    void session.ended.then(() => release());
    onSession(session);
    void drain(session);
    return ours;
  }
}

async function drain(session: Session): Promise<void> {
  for (let message = await session.wait(); message !== undefined; message = session.take() ?? (await session.wait()))
    session.release(message);
}

function randomNonce(): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(32));
}

/** All that comes. */
export async function collect<T>(from: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const one of from) all.push(one);
  return all;
}
