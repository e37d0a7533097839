/**
 * Telling from outside whether the target is still the same process: a supervisor may restart it before anyone notices.
 * @module
 */
import { toHex } from '../protocol/bytes.ts';
import type { Hello } from '../protocol/wire/messages.ts';

/** So many HELLOs in a row with one ECDH key make it the key of a process, and not of a connection. */
const STEADY = 3;

/**
 * Watches the ECDH keys of the target's identities. A node keeps its key as long as it runs (protocol.md section 3.3), so that
 * a new one, where it had been the same again and again, is a new process. Of targets with a key for each connection nothing
 * can be told.
 */
export class IncarnationWatch {
  readonly #known = new Map<string, { key: string; seen: number }>();
  readonly #former = new Set<string>();

  /** Takes note of a HELLO. @returns whether it comes from another process than those of its identity before */
  isReborn({ peerID, cert }: Pick<Hello, 'peerID' | 'cert'>): boolean {
    const key = toHex(cert.pubkey);
    const known = this.#known.get(peerID);
    if (known?.key === key) {
      known.seen++;
      return false;
    }
    // What the process before had said may be looked at late.
    if (this.#former.has(key)) return false;
    // A key that changes once is one of a process; its successor is given the same credit, until it changes too.
    const wasSteady = known !== undefined && known.seen >= STEADY;
    if (wasSteady) this.#former.add(known.key);
    if (this.#known.size < MAX_IDENTITIES || known !== undefined) this.#known.set(peerID, { key, seen: wasSteady ? STEADY : 1 });
    return wasSteady;
  }
}

/** Most identities that are watched: a target may have a new one for each connection. */
const MAX_IDENTITIES = 1000;
