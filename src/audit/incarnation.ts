/**
 * Detects from outside whether the target is still the same process, because a supervisor may restart it quickly.
 * @module
 */
import { toHex } from '../protocol/bytes.ts';
import type { Hello } from '../protocol/wire/messages.ts';

/** After this number of HELLOs in a row with one ECDH key, the key belongs to a process, not to a connection. */
const STEADY = 3;

/**
 * Watches the ECDH keys of the target's identities. A node keeps its key as long as it runs (protocol.md section 3.3). So if the
 * key was the same several times and then changes, the process is new. If a target has a key for each connection, this shows
 * nothing.
 */
export class IncarnationWatch {
  readonly #known = new Map<string, { key: string; seen: number }>();
  readonly #former = new Set<string>();

  /** Takes a HELLO. @returns whether it comes from another process than the earlier ones of its identity */
  isReborn({ peerID, cert }: Pick<Hello, 'peerID' | 'cert'>): boolean {
    const key = toHex(cert.pubkey);
    const known = this.#known.get(peerID);
    if (known?.key === key) {
      known.seen++;
      return false;
    }
    // A HELLO of the previous process may be processed late.
    if (this.#former.has(key)) return false;
    // A key that changed once belonged to a process. The next key is assumed to do so too, until it changes.
    const wasSteady = known !== undefined && known.seen >= STEADY;
    if (wasSteady) this.#former.add(known.key);
    if (this.#known.size < MAX_IDENTITIES || known !== undefined) this.#known.set(peerID, { key, seen: wasSteady ? STEADY : 1 });
    return wasSteady;
  }
}

/** Maximum number of watched identities: a target may have a new one for each connection. */
const MAX_IDENTITIES = 1000;
