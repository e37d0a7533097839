/**
 * What one node sends about validators after the handshake, when the crawl needs it.
 * @module
 */
import type { Clock } from '../net/clock.ts';
import type { Connection } from '../net/connection.ts';
import { fromHex, toHex } from '../protocol/bytes.ts';
import type { ReceivedMessage } from '../protocol/wire/authenticated-message.ts';
import type { Answer, Validators } from './validators.ts';

/** A node that has not sent an SCP message for this time has sent all of them, in milliseconds. */
const QUIET_MS = 250;
/** The same for the first message, which may take longer. */
const FIRST_MS = 750;
/** The longest time to wait for SCP messages of one node, in milliseconds. */
const MAX_LISTENING_MS = 2_000;
/** The largest number of SCP messages of one node that are used. */
const MAX_SCP_MESSAGES = 4_000;
/** The longest time to wait for quorum sets, in milliseconds. */
const QUORUM_SET_MS = 1_000;

/** Asks a node for SCP state and quorum sets, and takes its answers. */
export class Listener {
  readonly #validators: Validators;
  readonly #address: string;
  readonly #clock: Clock;
  #answer: Answer | undefined;
  /** Hashes that were requested and not answered. */
  #asked: Set<string> | undefined;
  #messages = 0;
  #lastMs = 0;
  #hasEnded = false;
  #wake: (() => void) | undefined;

  constructor(validators: Validators, address: string, clock: Clock) {
    this.#validators = validators;
    this.#address = address;
    this.#clock = clock;
  }

  hear(message: ReceivedMessage): void {
    switch (message.type) {
      case 'SCP_MESSAGE':
        if (this.#answer === undefined) return;
        this.#lastMs = this.#now();
        if (++this.#messages <= MAX_SCP_MESSAGES) this.#answer.statements.add(message.envelope);
        else this.#wake?.();
        return;
      case 'SCP_QUORUMSET': {
        const hash = toHex(message.qSetHash);
        // Nothing limits how many quorum sets a node sends, and each can be large.
        if (!this.#asked?.delete(hash)) return;
        this.#validators.addQuorumSet(message.qSet, hash);
        this.#wake?.();
        return;
      }
      case 'DONT_HAVE':
        if (this.#asked?.delete(toHex(message.reqHash))) this.#wake?.();
        return;
      default:
    }
  }

  /** Never rejects: the reason of the end is reported elsewhere. @returns undefined when the crawl needs nothing of this node */
  listen(connection: Connection): Promise<void> | undefined {
    const wants = this.#validators.wants(connection.remote.peerID);
    if (!wants && !this.#validators.wantsSets) return undefined;
    void connection.ended.then(() => {
      this.#hasEnded = true;
      this.#wake?.();
    });
    return wants ? this.#listenToSCP(connection) : this.#askForSets(connection);
  }

  async #listenToSCP(connection: Connection): Promise<void> {
    const answer = this.#validators.begin(connection.remote.peerID, this.#address);
    this.#answer = answer;
    try {
      const startMs = this.#now();
      connection.send({ type: 'GET_SCP_STATE', ledgerSeq: 0 }).catch(() => {});
      await this.#until(() => {
        const now = this.#now();
        if (this.#messages > MAX_SCP_MESSAGES) return 0;
        const quietMs = this.#messages === 0 ? startMs + FIRST_MS : this.#lastMs + QUIET_MS;
        return Math.min(quietMs, startMs + MAX_LISTENING_MS) - now;
      });
      await this.#validators.take(answer);
      await this.#askForSets(connection);
    } finally {
      this.#answer = undefined;
      this.#validators.end(answer);
    }
  }

  async #askForSets(connection: Connection): Promise<void> {
    if (this.#hasEnded) return;
    const asked = new Set<string>();
    this.#asked = asked;
    for (const hash of this.#validators.setsToAsk()) {
      asked.add(hash);
      connection.send({ type: 'GET_SCP_QUORUMSET', qSetHash: fromHex(hash) }).catch(() => {});
    }
    const untilMs = this.#now() + QUORUM_SET_MS;
    await this.#until(() => (asked.size === 0 ? 0 : untilMs - this.#now()));
  }

  #now(): number {
    return this.#clock.now().monotonicMs;
  }

  /** Waits while time is left, or until the connection ends. @param leftMs the time left; it is called again after that time */
  async #until(leftMs: () => number): Promise<void> {
    for (let left = leftMs(); left > 0 && !this.#hasEnded; left = leftMs()) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.setTimer(resolve, left);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.#wake = undefined;
  }
}
