/**
 * A node that reports the ledgers that mock validators close, honest or not, on any connection of this package.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import type { Connection } from '../net/connection.ts';
import { NodeIdentity } from '../net/identity.ts';
import { type Listener, listen } from '../net/listen.ts';
import type { ConnectOptions } from '../net/options.ts';
import { equalBytes, toHex } from '../protocol/bytes.ts';
import { OverlayError } from '../protocol/errors.ts';
import type { ReceivedMessage, SendableMessage } from '../protocol/wire/authenticated-message.ts';
import type { SCPEnvelope } from '../protocol/wire/messages.ts';
import type { MockLedger, MockValidators } from './mock-validators.ts';
import { connectedPair } from './pair.ts';

/** Number of ledgers that a stellar-core node keeps (MAX_SLOTS_TO_REMEMBER). */
const REMEMBERED = 12;

/** How a node differs from an honest one. */
export interface MockLedgersOptions {
  /** Its identity. Default: a random one. */
  readonly identity?: NodeIdentity | undefined;
  /** Number of ledgers it keeps. Default 12, as stellar-core. */
  readonly remembers?: number | undefined;
  /**
   * Its answer to a message, in place of an honest answer. Default, and when it returns undefined: the honest answer. An empty
   * list: no answer.
   * @param honest the answer of an honest node
   */
  readonly says?:
    | ((
        message: ReceivedMessage,
        honest: readonly SendableMessage[],
        connection: Connection,
      ) => readonly SendableMessage[] | undefined)
    | undefined;
  /** Which statements of a ledger it relays. Default: every statement. */
  readonly passesOn?: ((ledger: MockLedger) => readonly SCPEnvelope[]) | undefined;
}

/** A node that follows mock validators. */
export class MockLedgers {
  readonly validators: MockValidators;
  readonly identity: NodeIdentity;
  /** Transactions it has received, XDR of each TransactionEnvelope. */
  readonly transactions: Uint8Array[] = [];
  /** Requests it has received, by type. */
  readonly requests: Record<string, number> = {};
  readonly #options: MockLedgersOptions;
  readonly #ledgers: MockLedger[] = [];
  readonly #connections = new Set<Connection>();

  constructor(validators: MockValidators, options: MockLedgersOptions = {}) {
    this.validators = validators;
    this.identity = options.identity ?? NodeIdentity.random();
    this.#options = options;
  }

  /** Number of connections it serves now. */
  get connections(): readonly Connection[] {
    return [...this.#connections];
  }

  /** Adds a closed ledger, and sends its statements to every peer. */
  publish(ledger: MockLedger): void {
    this.#ledgers.push(ledger);
    if (this.#ledgers.length > (this.#options.remembers ?? REMEMBERED)) this.#ledgers.shift();
    for (const connection of this.#connections) this.#send(connection, this.#statements(ledger));
  }

  /** Serves a peer until the connection ends. Never rejects because of the peer's behaviour. */
  async serve(connection: Connection): Promise<void> {
    this.#connections.add(connection);
    try {
      for await (const message of connection) {
        this.requests[message.type] = (this.requests[message.type] ?? 0) + 1;
        const honest = this.#answers(message);
        this.#send(connection, this.#options.says?.(message, honest, connection) ?? honest);
      }
    } catch (error) {
      if (!(error instanceof OverlayError)) throw error;
    } finally {
      this.#connections.delete(connection);
      await connection.close();
    }
  }

  /** Connects without a socket: usable as the `connect` of `follow`. */
  async connect(options: ConnectOptions): Promise<Connection> {
    const { identity } = this;
    const [ours, theirs] = await connectedPair(options, {
      identity,
      serves: ['GET_TX_SET', 'GET_SCP_QUORUMSET'],
      scpStateLedgerSeq: null,
      signal: undefined,
    });
    void this.serve(theirs);
    return ours;
  }

  /** Listens on 127.0.0.1 and serves every connection until the listener is closed. */
  async listen(port = 0): Promise<Listener> {
    const { identity, validators } = this;
    const listener = await listen({
      host: '127.0.0.1',
      port,
      network: validators.network,
      identity,
      serves: ['GET_TX_SET', 'GET_SCP_QUORUMSET'],
      scpStateLedgerSeq: null,
    });
    void (async () => {
      for await (const connection of listener) void this.serve(connection);
    })();
    return listener;
  }

  /** Breaks every open connection. */
  async vanish(): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.close()));
  }

  #send(connection: Connection, messages: readonly SendableMessage[]): void {
    // A connection that has ended accepts nothing; `serve` sees the reason.
    for (const message of messages) connection.send(message).catch(() => {});
  }

  #statements(ledger: MockLedger): readonly SendableMessage[] {
    const envelopes = this.#options.passesOn?.(ledger) ?? ledger.envelopes;
    return envelopes.map((envelope) => ({ type: 'SCP_MESSAGE', envelope }));
  }

  /** The answer of an honest node to a message. */
  #answers(message: ReceivedMessage): readonly SendableMessage[] {
    const { quorumSet, quorumSetHash } = this.validators;
    switch (message.type) {
      case 'GET_SCP_STATE':
        return this.#ledgers
          .filter(({ ledgerSeq }) => ledgerSeq >= message.ledgerSeq)
          .flatMap((ledger) => this.#statements(ledger));
      case 'GET_TX_SET': {
        const { txSetHash } = message;
        const found = this.#ledgers.find((ledger) => ledger.txSetHash === toHex(txSetHash));
        if (found !== undefined) return [{ type: 'GENERALIZED_TX_SET', generalizedTxSet: found.txSet }];
        return [{ type: 'DONT_HAVE', reqType: 'GENERALIZED_TX_SET', reqHash: txSetHash }];
      }
      case 'GET_SCP_QUORUMSET':
        if (equalBytes(message.qSetHash, quorumSetHash)) return [{ type: 'SCP_QUORUMSET', qSet: quorumSet }];
        return [{ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: message.qSetHash }];
      case 'FLOOD_ADVERT': {
        const known = new Set(this.transactions.map((transaction) => toHex(nodeCrypto.sha256(transaction))));
        const txHashes = message.txHashes.filter((hash) => !known.has(toHex(hash)));
        return txHashes.length === 0 ? [] : [{ type: 'FLOOD_DEMAND', txHashes }];
      }
      case 'TRANSACTION':
        this.transactions.push(message.transaction.slice());
        return [];
      default:
        return [];
    }
  }
}
