/**
 * A mock network: hundreds or thousands of nodes in one process, each with its own address in 127.0.0.0/8. They behave as nodes
 * of real networks do, including bad behaviour. The same seed gives the same network.
 * @module
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { nodeCrypto } from '../crypto/node.ts';
import { type Clock, systemClock } from '../net/clock.ts';
import { NodeIdentity } from '../net/identity.ts';
import { networkFromPassphrase } from '../net/options.ts';
import { formatTarget } from '../net/target.ts';
import { type Network, networks } from '../protocol/networks.ts';
import type { PeerAddress } from '../protocol/wire/messages.ts';
import { MockPeer, play } from './mock-peer.ts';
import { MockConsensus, type MockValidator, type MockValidatorState } from './network/consensus.ts';
import { fullQueues } from './network/full-queues.ts';
import { MOCK_NODE_KINDS, type MockNodeKind } from './network/kinds.ts';
import { type PlannedNode, planNetwork } from './network/plan.ts';
import { type Outbox, playNode, type Stage } from './network/play.ts';
import { SeededRandom } from './network/random.ts';

export type { KindInfo } from './network/kinds.ts';
export { MOCK_NODE_KINDS, type MockNodeKind, type MockValidator, type MockValidatorState };

/** Options of a mock network. */
export interface MockNetworkOptions {
  /** Number of addresses, including those that refuse connections. Default 200. */
  readonly nodes?: number | undefined;
  /** Seed of all random choices. Default 1. */
  readonly seed?: string | number | undefined;
  /** Default: `networks.standalone`. */
  readonly network?: Network | undefined;
  /** Number of nodes of a kind per thousand addresses, in place of the default; 0 for none. */
  readonly mix?: Readonly<Partial<Record<MockNodeKind, number>>> | undefined;
  /** The state of each validator. Default: nine validate, and one each is delayed, disagrees and is missing. */
  readonly validators?: readonly MockValidatorState[] | undefined;
  /** Time from one ledger to the next, in milliseconds. Default 5,000. */
  readonly ledgerMs?: number | undefined;
  /** Time that a slow node takes to answer HELLO, in milliseconds. Default 8,000. */
  readonly slowMs?: number | undefined;
  /** Time between two bytes of a node that sends its HELLO byte by byte, in milliseconds. Default 200. */
  readonly dripMs?: number | undefined;
  /** Number of keys that an inventor makes up. Default 2,000. */
  readonly inventions?: number | undefined;
  /** How long after us a node closes its socket, in milliseconds; stellar-core takes 5,000. Default 0. */
  readonly closeAfterMs?: number | undefined;
  /** Whether PEERS also contain private addresses, IPv6 addresses and invalid ports. Default true. */
  readonly oddNames?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

/** One address of a mock network. */
export interface MockNetworkNode {
  /** `HOST:PORT`. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly kind: MockNodeKind;
  /** Its key, `G…`, which only a node that completes the handshake proves. Two addresses of one node have the same key. */
  readonly peerID: string;
  readonly versionStr: string;
  /** The expected result of a crawl: `ok`, or a cause of docs/errors.md. */
  readonly outcome: string;
  /** Every entry of its PEERS, `HOST:PORT`, unusual ones included; empty when its PEERS cannot be read. */
  readonly names: readonly string[];
  /** Address of the only node whose PEERS contain it, if there is just one. */
  readonly hiddenBehind?: string | undefined;
  /** Number of TCP connections it has had so far. */
  readonly connects: number;
}

/** A running mock network. */
export interface MockNetwork extends AsyncDisposable {
  readonly network: Network;
  /** Every node can be found from the first one. */
  readonly nodes: readonly MockNetworkNode[];
  /**
   * Entries of PEERS that must not be dialled, `HOST:PORT`. Those on this machine are listened on, and connections to them are
   * counted in `trespasses`.
   */
  readonly forbidden: readonly string[];
  /** Number of connections to addresses that must not be dialled. */
  readonly trespasses: number;
  /** The address range of its nodes: `127.X.0.0/16`. */
  readonly range: string;
  readonly validators: readonly MockValidator[];
  /** The latest closed ledger. */
  readonly ledgerSeq: number;
  /** The highest number of simultaneous connections: in total, and with one IP address. */
  readonly most: { readonly open: number; readonly toOneAddress: number };
  /** Stops everything and breaks open connections. */
  close(): Promise<void>;
}

const DEFAULT_VALIDATORS: readonly MockValidatorState[] = [
  ...new Array<MockValidatorState>(9).fill('validating'),
  'delayed',
  'disagrees',
  'missing',
];
/** Nodes are in 127.100.0.0/16. Addresses that must not be dialled are in the next range. */
const BLOCK = 100;
const VERSIONS = ['v27.1.0', 'v27.0.0', 'v26.1.0', 'stellar-core 25.2.1 (a1b2c3)'];
/** Number of servers that are opened in parallel. */
const BATCH = 100;

/**
 * Starts a mock network.
 *
 * @example
 * await using mock = await mockNetwork({ nodes: 200, seed: 7, slowMs: 500 })
 * for await (const event of crawl({ network: mock.network, seeds: [mock.nodes[0].address], allow: [mock.range] })) …
 *
 * @throws {RangeError} when there are too few nodes for one of each kind; 60 are enough
 * @throws {Error} of the operating system, EMFILE for example: each node needs a file descriptor
 */
export async function mockNetwork(options: MockNetworkOptions = {}): Promise<MockNetwork> {
  const { nodes: count = 200, seed = 1, network = networks.standalone, clock = systemClock } = options;
  const random = new SeededRandom(seed);
  const plan = planNetwork(count, random, options.mix);
  const world = new World(options, network, clock, random, plan);
  try {
    await world.open();
    return world;
  } catch (error) {
    await world.close();
    throw error;
  }
}

class World implements MockNetwork {
  readonly network: Network;
  readonly range = `127.${BLOCK}.0.0/16`;
  readonly nodes: MockNetworkNode[] = [];
  readonly forbidden: string[] = [];
  trespasses = 0;
  readonly most = { open: 0, toOneAddress: 0 };
  readonly #options: MockNetworkOptions;
  readonly #clock: Clock;
  readonly #plan: readonly PlannedNode[];
  readonly #identities: readonly NodeIdentity[];
  readonly #consensus: MockConsensus;
  readonly #stages: Stage[] = [];
  /** TCP connections so far, by index. */
  readonly #connects = new Map<number, number>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #openTo = new Map<string, number>();
  readonly #audience = new Set<Outbox>();
  readonly #others = { 'other-network': networks.testnet, 'unknown-network': networkFromPassphrase('A network of nobody') };
  readonly #closers: (() => Promise<unknown>)[] = [];
  #closing = false;
  #cancelLedger: () => void = () => {};

  constructor(options: MockNetworkOptions, network: Network, clock: Clock, random: SeededRandom, plan: readonly PlannedNode[]) {
    this.network = network;
    this.#options = options;
    this.#clock = clock;
    this.#plan = plan;
    this.#identities = plan.map(({ index, keyOf }) =>
      NodeIdentity.fromSeed(random.bytes(`node ${index === keyOf ? index : keyOf}`)),
    );
    const states = options.validators ?? DEFAULT_VALIDATORS;
    // Validators are plain nodes, full nodes and nodes that cannot be dialled, in turn.
    const hosts = ['plain', 'full', 'refused'].map((kind) => plan.filter((node) => node.kind === kind).map(({ index }) => index));
    const keys = states.map((_, i) => {
      const index = hosts[i % hosts.length]?.[Math.floor(i / hosts.length)];
      return index === undefined
        ? nodeCrypto.signingKey(random.bytes(`validator ${i}`))
        : (this.#identities[index] as NodeIdentity).peerAuth(network).identity;
    });
    this.#consensus = new MockConsensus({ network, clock, random, keys, states, ledgerMs: options.ledgerMs ?? 5_000 });
  }

  get validators(): readonly MockValidator[] {
    return this.#consensus.validators;
  }

  get ledgerSeq(): number {
    return this.#consensus.ledgerSeq;
  }

  async open(): Promise<void> {
    const hosts = this.#plan.map(({ index, hostOf }) => hostAt(BLOCK, index === hostOf ? index : hostOf));
    // The first takes a port that is free; the others have the same one at their own addresses.
    const port = await this.#listen(hosts[0] as string, 0, 0);
    const ports = new Map<number, number>([[0, port]]);
    for (let start = 1; start < this.#plan.length; start += BATCH) {
      await Promise.all(
        this.#plan.slice(start, start + BATCH).map(async ({ index, kind, hostOf }) => {
          const isListening = kind !== 'refused' && kind !== 'queue-full';
          const own = isListening ? await this.#listen(hosts[index] as string, index === hostOf ? port : 0, index) : port;
          ports.set(index, own);
        }),
      );
    }
    const addresses = this.#plan.map(({ index }) => ({ host: hosts[index] as string, port: ports.get(index) as number }));
    const odd = this.#options.oddNames === false ? undefined : await this.#openForbidden(port);
    const connected = this.#plan.map(() => new Set<string>());
    const stages = this.#plan.map((planned) =>
      this.#stage(planned, connected[planned.keyOf] as Set<string>, () => peersOf[planned.index] ?? []),
    );
    const peersOf = this.#plan.map((planned) => this.#namesOf(planned, addresses, odd));
    this.#stages.push(...stages);
    for (const planned of this.#plan) this.nodes.push(this.#nodeOf(planned, addresses, peersOf[planned.index] ?? []));
    const queues = this.#plan.filter(({ kind }) => kind === 'queue-full').map(({ index }) => addresses[index] as Address);
    if (queues.length > 0) this.#closers.push(await fullQueues(queues));
    // Thousands of signatures take time: compute them now, not while a caller waits for an answer.
    if (this.#plan.some(({ kind }) => kind === 'inventor')) this.#consensus.invented(this.#options.inventions ?? 2_000);
    this.#scheduleLedger(this.#consensus.ledgerSeq);
  }

  #stage({ kind, index }: PlannedNode, connected: Set<string>, peers: () => readonly PeerAddress[]): Stage {
    const { slowMs = 8_000, dripMs = 200, inventions = 2_000 } = this.#options;
    return {
      kind,
      connected,
      peers,
      consensus: this.#consensus,
      audience: this.#audience,
      versionStr: VERSIONS[index % VERSIONS.length] as string,
      stranger: this.#identities[(index + 1) % this.#identities.length] as NodeIdentity,
      slowMs,
      dripMs,
      inventions,
      quorumSets: index % 5 === 3 ? 'is silent' : index % 3 === 1 ? 'does not have them' : 'answers',
    };
  }

  #nodeOf(planned: PlannedNode, addresses: readonly Address[], peers: readonly PeerAddress[]): MockNetworkNode {
    const { kind, index, hiddenBehind } = planned;
    const { host, port } = addresses[index] as Address;
    const info = MOCK_NODE_KINDS[kind];
    const connects = this.#connects;
    return {
      address: formatTarget({ host, port }),
      host,
      port,
      kind,
      peerID: (this.#identities[index] as NodeIdentity).peerID,
      versionStr: (this.#stages[index] as Stage).versionStr,
      outcome: info.outcome,
      names: info.names ? peers.map((peer) => formatTarget({ host: peer.ip, port: peer.port })) : [],
      ...(hiddenBehind !== undefined && { hiddenBehind: formatTarget(addresses[hiddenBehind] as Address) }),
      get connects() {
        return connects.get(index) ?? 0;
      },
    };
  }

  #namesOf({ names, kind }: PlannedNode, addresses: readonly Address[], odd: OddNames | undefined): readonly PeerAddress[] {
    const peers = names.map((index) => addressOf(addresses[index] as Address));
    if (kind === 'odd-peers') peers.splice(1, 0, ...(odd?.ports ?? []));
    if (kind === 'ipv6-peers') {
      // The same node once more, as an IPv4-mapped IPv6 address.
      const [first] = peers;
      peers.splice(1, 0, ...(odd?.ipv6 ?? []), ...(first && odd ? [{ ...first, ip: `::ffff:${hexOf(first.ip)}` }] : []));
    }
    return peers.slice(0, 100);
  }

  /** Addresses that must not be dialled. Some are on this machine, outside the range: connections to them are counted. */
  async #openForbidden(port: number): Promise<OddNames> {
    const outside = [hostAt(BLOCK + 1, 0), hostAt(BLOCK + 1, 1)];
    for (const host of outside) {
      const server = createServer((socket) => {
        this.trespasses++;
        socket.destroy();
      });
      await this.#start(server, host, port);
    }
    const inside = hostAt(BLOCK, 2);
    const ports = [
      ...outside.map((host) => addressOf({ host, port })),
      addressOf({ host: '10.1.2.3', port: 11625 }),
      addressOf({ host: '192.168.1.1', port: 11625 }),
      addressOf({ host: '192.0.2.7', port: 11625 }),
      addressOf({ host: inside, port: 0 }),
      addressOf({ host: inside, port: 65_536 }),
      addressOf({ host: inside, port: 4_294_967_295 }),
    ];
    const ipv6 = [
      addressOf({ host: '2001:db8::1', port: 11625 }),
      addressOf({ host: 'fd00::7', port: 11625 }),
      addressOf({ host: `::ffff:${hexOf(outside[0] as string)}`, port }),
    ];
    this.forbidden.push(...[...ports, ...ipv6].map((peer) => formatTarget({ host: peer.ip, port: peer.port })));
    return { ports, ipv6 };
  }

  async #listen(host: string, port: number, index: number): Promise<number> {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#onConnection(socket, index, host));
    return this.#start(server, host, port);
  }

  async #start(server: Server, host: string, port: number): Promise<number> {
    server.listen(port, host);
    await once(server, 'listening');
    this.#servers.push(server);
    return (server.address() as { port: number }).port;
  }

  #onConnection(socket: Socket, index: number, host: string): void {
    const stage = this.#stages[index];
    if (stage === undefined || this.#closing) {
      socket.destroy();
      return;
    }
    this.#connects.set(index, (this.#connects.get(index) ?? 0) + 1);
    this.#sockets.add(socket);
    this.#openTo.set(host, (this.#openTo.get(host) ?? 0) + 1);
    // Subtle: the end of an earlier connection may have come already and not be read yet.
    setImmediate(() => setImmediate(() => this.#countOpen(host)));
    let counted = true;
    const gone = (): void => {
      if (!counted) return;
      counted = false;
      this.#openTo.set(host, (this.#openTo.get(host) as number) - 1);
    };
    // For the dialler a connection is over when it has closed its side.
    socket.once('end', gone).once('close', () => {
      gone();
      this.#sockets.delete(socket);
    });
    const { kind } = stage;
    const network = kind === 'other-network' || kind === 'unknown-network' ? this.#others[kind] : this.network;
    const identity = this.#identities[index] as NodeIdentity;
    const peer = new MockPeer(socket, 'REMOTE_CALLED_US', { network, identity, clock: this.#clock });
    const { closeAfterMs = 0 } = this.#options;
    play(peer, async () => {
      await playNode(peer, stage).finally(() => closeAfterMs > 0 && !this.#closing && peer.wait(closeAfterMs));
    }).catch(() => {});
  }

  #countOpen(host: string): void {
    let open = 0;
    for (const count of this.#openTo.values()) open += count;
    this.most.open = Math.max(this.most.open, open);
    this.most.toOneAddress = Math.max(this.most.toOneAddress, this.#openTo.get(host) ?? 0);
  }

  #scheduleLedger(told: number): void {
    const timer = this.#clock.setTimer(
      () => {
        const latest = this.#consensus.ledgerSeq;
        for (let ledger = told + 1; ledger <= latest; ledger++)
          for (const outbox of this.#audience) outbox.add(this.#consensus.ofLedger(ledger));
        this.#scheduleLedger(latest);
      },
      Math.max(1, (this.#options.ledgerMs ?? 5_000) / 2),
    );
    this.#cancelLedger = () => timer.cancel();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#cancelLedger();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([
      ...this.#servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))),
      ...this.#closers.splice(0).map((close) => close()),
    ]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

interface OddNames {
  readonly ports: readonly PeerAddress[];
  readonly ipv6: readonly PeerAddress[];
}

function addressOf({ host, port }: Address): PeerAddress {
  return { ip: host, port, numFailures: 0 };
}

function hostAt(block: number, index: number): string {
  return `127.${block}.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;
}

/** The last 32 bits of an IPv4-mapped address, in IPv6 notation. */
function hexOf(ipv4: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
