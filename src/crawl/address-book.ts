/**
 * Every address of a crawl: each one once, whatever its spelling, and whether it may be dialled.
 * @module
 */
import { AllowList, plainAddress } from '../net/allow-list.ts';
import type { Family } from '../net/lookup.ts';
import { formatTarget, parseTarget, type Target } from '../net/target.ts';
import type { NodeLine } from './events.ts';

/** An address and its state. */
export interface Entry extends Target {
  readonly address: string;
  /** `waiting` for its turn, `asked` now, `settled`, `forbidden`, or `unasked` because of the limit of addresses. */
  state: 'waiting' | 'asked' | 'settled' | 'forbidden' | 'unasked';
  /** Number of nodes that have named it. */
  namedBy: number;
  /** The last of them, so that a node that names an address twice counts once. */
  lastNamer: number;
  /** `namedBy` in the last reported line about this address. */
  toldNamedBy: number;
  /** The host name that stands for it, when it is an address of a seed. */
  seed: string | undefined;
  isSeed: boolean;
  /** Its key, once a visit has shown it. */
  peerID: string | undefined;
  /** Number of visits so far. */
  attempts: number;
  /** The IP address and the keys of its connection: a load balancer can have another key each time. */
  held: readonly string[];
}

/** What an entry without a connection holds. */
export const NO_NAMES: readonly string[] = [];

/** Limits of an address book. */
export interface AddressBookOptions {
  /** Ranges of addresses that may be dialled. Empty: all globally routable addresses. */
  readonly allow: readonly string[];
  /** Only addresses of this IP version are dialled, unless they are seeds; 0: both. Default 0. */
  readonly family?: Family | undefined;
  /** The largest number of addresses to dial. Default: no limit. */
  readonly maxNodes?: number | undefined;
}

/** All known addresses. */
export class AddressBook {
  readonly #allowList: AllowList;
  readonly #family: Family;
  readonly #maxNodes: number;
  readonly #entries = new Map<string, Entry>();
  /** Other spellings of the same addresses. */
  readonly #spellings = new Map<string, Entry>();
  #dialled = 0;

  /** @throws {TypeError} naming the text that is not an address range */
  constructor({ allow, family = 0, maxNodes = Number.POSITIVE_INFINITY }: AddressBookOptions) {
    this.#allowList = new AllowList(allow);
    this.#family = family;
    this.#maxNodes = maxNodes;
  }

  get size(): number {
    return this.#entries.size;
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries.values();
  }

  /** The known spelling of an address: one text for all lines, because every node names the same addresses. */
  shared(peer: string): string {
    return this.#entries.get(peer)?.address ?? peer;
  }

  /**
   * Adds an address of a seed. The user has named it, so it may be dialled even outside the allowed ranges.
   * @param seed the host name that stands for it
   * @returns its entry, and the state that it had before, if it was known
   */
  addSeed(target: Target, seed?: string): { readonly entry: Entry; readonly before: Entry['state'] | undefined } {
    const plain = plainTarget(target);
    const address = formatTarget(plain);
    const known = this.#entries.get(address);
    const before = known?.state;
    const entry = known ?? this.#add(plain, address, 'forbidden');
    if (entry.state === 'forbidden' || entry.state === 'unasked') this.#admit(entry);
    entry.isSeed = true;
    entry.seed ??= seed;
    return { entry, before };
  }

  /** Adds a seed that has no address. @returns whether it is new */
  addUnresolved(target: Target): boolean {
    const plain = plainTarget(target);
    const address = formatTarget(plain);
    if (this.#entries.has(address)) return false;
    this.#add(plain, address, 'settled');
    return true;
  }

  /**
   * Adds an address from PEERS, `HOST:PORT`.
   * @param namer a number above 0 for the node that names it, different for each node
   * @returns its entry if it is new; undefined also for a text that is no address
   */
  addNamed(peer: string, namer: number): Entry | undefined {
    // Most names are known in this spelling, and need not be parsed.
    const known = this.#entries.get(peer) ?? this.#spellings.get(peer);
    if (known !== undefined) {
      countName(known, namer);
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
        countName(same, namer);
        return undefined;
      }
    }
    const entry = this.#add(target, address, 'forbidden');
    if (this.#permits(target)) this.#admit(entry);
    if (address !== peer) this.#spellings.set(peer, entry);
    countName(entry, namer);
    return entry;
  }

  /** Adds an address that has a result of an earlier run. */
  addSettled(address: string): void {
    const target = readAddress(address);
    if (target === undefined) return;
    this.#add(target, address, 'settled');
    this.#dialled++;
  }

  #add(target: Target, address: string, state: Entry['state']): Entry {
    // Subtle: one literal. There are thousands of entries, and one that is put together takes twice the memory.
    const entry: Entry = {
      address,
      host: target.host,
      port: target.port,
      state,
      namedBy: 0,
      lastNamer: 0,
      toldNamedBy: 0,
      seed: undefined,
      isSeed: false,
      peerID: undefined,
      attempts: 0,
      held: NO_NAMES,
    };
    this.#entries.set(address, entry);
    return entry;
  }

  /** Makes an entry wait for its turn, if the limit of addresses allows one more. */
  #admit(entry: Entry): void {
    if (this.#dialled >= this.#maxNodes) {
      entry.state = 'unasked';
      return;
    }
    this.#dialled++;
    entry.state = 'waiting';
  }

  #permits({ host, port }: Target): boolean {
    if (port < 1 || port > 65_535) return false;
    if (this.#family !== 0 && this.#family !== (host.includes(':') ? 6 : 4)) return false;
    return this.#allowList.permits(host);
  }
}

function countName(entry: Entry, namer: number): void {
  if (entry.lastNamer === namer) return;
  entry.lastNamer = namer;
  entry.namedBy++;
}

/** The outcome of an address that is not dialled, by its state. */
export function outcomeOf(state: Entry['state']): string {
  return state === 'forbidden' ? 'not-allowed' : 'not-dialled';
}

/** The current line of an address that is not dialled. */
export function lineOfUndialled(entry: Entry): NodeLine {
  entry.toldNamedBy = entry.namedBy;
  return { type: 'node', address: entry.address, outcome: outcomeOf(entry.state), namedBy: entry.namedBy };
}

/** Reads `HOST:PORT` with any number as port, as PEERS and lines have it; undefined for another text. */
export function readAddress(address: string): Target | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,10})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  return host === undefined ? undefined : { host, port: Number(match?.[3]) };
}

/** Reads a seed. @throws {TypeError} when it is not a target */
export function readSeed(seed: string | Target): Target {
  return typeof seed === 'string' ? parseTarget(seed) : parseTarget(formatTarget(seed));
}

/** The address of a seed in the lines; a host name stays a name. @throws {TypeError} when it is not a target */
export function seedAddress(seed: string | Target): string {
  return formatTarget(plainTarget(readSeed(seed)));
}

/** One spelling for each address. A zone is part of an address; a name stays a name. */
export function plainTarget({ host, port }: Target): Target {
  const plain = host.includes('%') ? undefined : plainAddress(host);
  return { host: plain ?? host.toLowerCase(), port };
}
