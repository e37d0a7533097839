/**
 * Every address a crawl has heard of: once each, however it is spelled, and whether it may be dialled.
 * @module
 */
import { AllowList, plainAddress } from '../net/allow-list.ts';
import { formatTarget, parseTarget, type Target } from '../net/target.ts';

/** An address and how far we are with it. */
export interface Entry {
  readonly address: string;
  readonly target: Target;
  /** `waiting` for its turn, being `asked`, `settled`, `forbidden`, or `unasked` because there are too many. */
  state: 'waiting' | 'asked' | 'settled' | 'forbidden' | 'unasked';
  /** Nodes that have named it. */
  namedBy: number;
  /** What `namedBy` was when it was told. */
  toldNamedBy: number;
  /** The host name it was named by, as a seed. */
  readonly seed: string | undefined;
  readonly isSeed: boolean;
  /** Attempts so far. */
  attempts: number;
}

/** What is known of all addresses. */
export class AddressBook {
  readonly #allowList: AllowList;
  readonly #maxNodes: number;
  readonly #entries = new Map<string, Entry>();
  /** Other spellings of the same addresses. */
  readonly #spellings = new Map<string, Entry>();
  #dialled = 0;

  /** @throws {TypeError} naming the text that is no range of addresses */
  constructor(allow: readonly string[], maxNodes = Number.POSITIVE_INFINITY) {
    this.#allowList = new AllowList(allow);
    this.#maxNodes = maxNodes;
  }

  get size(): number {
    return this.#entries.size;
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries.values();
  }

  get(address: string): Entry | undefined {
    return this.#entries.get(address);
  }

  /** A seed: it is allowed as itself. @returns undefined when it is known already */
  addSeed(target: Target, seed?: string): Entry | undefined {
    const plain = plainTarget(target);
    const address = formatTarget(plain);
    const known = this.#entries.get(address);
    if (known !== undefined && known.state !== 'forbidden' && known.state !== 'unasked') return undefined;
    return this.#add(plain, address, 'waiting', true, seed);
  }

  /** The same text as one object for all who hold it: a crawl knows few addresses and reads them very often. */
  shared(peer: string): string {
    return this.#entries.get(peer)?.address ?? peer;
  }

  /** An address from PEERS, `HOST:PORT`. @returns the entry when it is new; undefined also for what is no address */
  addNamed(peer: string): Entry | undefined {
    // Most names are known, and spelled as they were before: nothing is parsed then.
    const known = this.#entries.get(peer) ?? this.#spellings.get(peer);
    if (known !== undefined) {
      known.namedBy++;
      return undefined;
    }
    const named = readAddress(peer);
    if (named === undefined) return undefined;
    const target = plainTarget(named);
    const plain = formatTarget(target);
    const address = plain === peer ? peer : plain;
    if (address !== peer) {
      const same = this.#entries.get(address);
      if (same !== undefined) {
        this.#spellings.set(peer, same);
        same.namedBy++;
        return undefined;
      }
    }
    const { port } = target;
    const isAllowed = port >= 1 && port <= 65_535 && this.#allowList.permits(target.host);
    const state = !isAllowed ? 'forbidden' : this.#dialled >= this.#maxNodes ? 'unasked' : 'waiting';
    const entry = this.#add(target, address, state, false, undefined);
    if (address !== peer) this.#spellings.set(peer, entry);
    entry.namedBy = 1;
    return entry;
  }

  /** An address that an earlier run has settled. */
  addSettled(address: string): void {
    const target = readAddress(address);
    if (target === undefined) return;
    this.#add(target, address, 'settled', false, undefined);
  }

  #add(target: Target, address: string, state: Entry['state'], isSeed: boolean, seed: string | undefined): Entry {
    if (state !== 'forbidden' && state !== 'unasked') this.#dialled++;
    const entry: Entry = { address, target, state, namedBy: 0, toldNamedBy: 0, isSeed, seed, attempts: 0 };
    this.#entries.set(address, entry);
    return entry;
  }
}

/** `HOST:PORT` as a line has it, any number as port; undefined when it is neither. */
export function readAddress(address: string): Target | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,10})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  return host === undefined ? undefined : { host, port: Number(match?.[3]) };
}

/** A seed as it is written. @throws {TypeError} when it is no target */
export function readSeed(seed: string | Target): Target {
  return typeof seed === 'string' ? parseTarget(seed) : parseTarget(formatTarget(seed));
}

/** The address that a seed is in the lines; a host name that has none is its own. @throws {TypeError} when it is no target */
export function seedAddress(seed: string | Target): string {
  return formatTarget(plainTarget(readSeed(seed)));
}

/** The same text for every spelling of an address. A zone belongs to it; a name stays a name. */
export function plainTarget({ host, port }: Target): Target {
  const plain = host.includes('%') ? undefined : plainAddress(host);
  return { host: plain ?? host.toLowerCase(), port };
}
