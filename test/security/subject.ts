/**
 * The side under test, with a raw peer as the other side: one program for both roles.
 * @module
 */
import {
  type Connection,
  type ConnectOptions,
  connect,
  type Listener,
  type ListenerEvent,
  type ListenOptions,
  listen,
  networks,
  type OverlayError,
} from '../../src/index.ts';
import { ManualClock } from '../../src/testing/index.ts';
import { RawNode, RawPeer, until } from '../support/raw-peer.ts';

export type SubjectRole = 'acceptor' | 'initiator';
export const ROLES: readonly SubjectRole[] = ['acceptor', 'initiator'];

type SubjectOptions = Partial<ListenOptions> & Partial<ConnectOptions>;

/** Our side of one connection to a raw peer. */
export class Subject implements AsyncDisposable {
  readonly role: SubjectRole;
  readonly clock: ManualClock;
  /** Who plays the other side. */
  readonly peer: RawPeer;
  readonly listener: Listener | undefined;
  /** Bytes that our side has read and handed to its socket. */
  readonly bytes: { received: number; sent: number };
  readonly events: readonly ListenerEvent[];
  readonly #node: RawNode | undefined;
  readonly #connection: Promise<Connection>;

  private constructor(facts: Pick<Subject, 'role' | 'clock' | 'peer' | 'listener' | 'bytes' | 'events'> & Parts) {
    this.role = facts.role;
    this.clock = facts.clock;
    this.peer = facts.peer;
    this.listener = facts.listener;
    this.bytes = facts.bytes;
    this.events = facts.events;
    this.#node = facts.node;
    this.#connection = facts.connection;
    this.#connection.catch(() => {});
  }

  /** Starts our side and connects a raw peer to it; an initiator's HELLO has not been read yet. */
  static async start(role: SubjectRole, options: SubjectOptions = {}): Promise<Subject> {
    const clock = new ManualClock();
    const bytes = { received: 0, sent: 0 };
    const events: ListenerEvent[] = [];
    const common = {
      network: networks.standalone,
      clock,
      onBytes: (direction: 'received' | 'sent', { length }: Uint8Array) => {
        bytes[direction] += length;
      },
    };
    if (role === 'acceptor') {
      const listener = await listen({ ...common, port: 0, onEvent: (event) => events.push(event), ...options });
      const connection = listener[Symbol.asyncIterator]()
        .next()
        .then(({ value }) => value ?? Promise.reject(new Error('none was authenticated')));
      const peer = await RawPeer.dial(listener.port);
      await until(() => events.length > 0);
      return new Subject({ role, clock, peer, listener, bytes, events, node: undefined, connection });
    }
    const node = await RawNode.start();
    const connection = connect({ ...common, host: '127.0.0.1', port: node.port, ...options });
    connection.catch(() => {});
    const peer = await node.peer();
    await until(() => bytes.sent > 0);
    return new Subject({ role, clock, peer, listener: undefined, bytes, events, node, connection });
  }

  /** The same, with the HELLOs exchanged; an initiator's AUTH has been read. */
  static async greeted(role: SubjectRole, options: SubjectOptions = {}): Promise<Subject> {
    const subject = await Subject.start(role, options);
    await subject.peer.greet();
    if (role === 'initiator') await subject.peer.expect('AUTH');
    return subject;
  }

  /** The same, with the handshake complete and our first messages read. */
  static async authenticated(role: SubjectRole, options: SubjectOptions = {}): Promise<Subject> {
    const subject = await Subject.start(role, options);
    await subject.peer.handshake();
    return subject;
  }

  /** Our connection, once it is authenticated. */
  get connection(): Promise<Connection> {
    return this.#connection;
  }

  /** Our side's report of the end, after the peer has closed too. */
  async outcome(): Promise<OverlayError> {
    this.peer.end();
    if (this.role === 'acceptor') {
      const found = (): OverlayError | undefined => this.events.flatMap((event) => ('error' in event ? [event.error] : []))[0];
      await until(() => found() !== undefined);
      return found() as OverlayError;
    }
    return this.#connection.then(
      (connection) => connection.ended,
      (error: OverlayError) => error,
    );
  }

  /** Closes all and waits until nothing of it is left: no slot, no timer. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer[Symbol.asyncDispose]();
    const { listener, clock } = this;
    if (listener) await until(() => listener.counts.pending + listener.counts.authenticated === 0);
    await listener?.close();
    await this.#node?.[Symbol.asyncDispose]();
    await until(() => clock.timers === 0);
  }
}

interface Parts {
  readonly node: RawNode | undefined;
  readonly connection: Promise<Connection>;
}
