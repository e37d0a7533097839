/**
 * Every row of the error table, caused as in reality: by a peer, the application or the machine. The compiler requires an entry for
 * each code, and each entry must end with the code that is its key.
 */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import {
  type Clock,
  type Connection,
  connect,
  type ListenOptions,
  listen,
  NodeIdentity,
  networks,
  type OverlayErrorCode,
} from '../../src/index.ts';
import { newConnection } from '../../src/net/connection-info.ts';
import { peerOptions, resolveOptions } from '../../src/net/options.ts';
import { Session } from '../../src/net/session.ts';
import type { ProbeOptions } from '../../src/probe/options.ts';
import { probe } from '../../src/probe/probe.ts';
import { makeAuthCert } from '../../src/protocol/auth/auth-cert.ts';
import { FloodSender } from '../../src/protocol/channel/flow-control.ts';
import { ERROR_TABLE } from '../../src/protocol/error-table.ts';
import { Peer } from '../../src/protocol/peer.ts';
import {
  ManualClock,
  type MockPairOptions,
  MockPeer,
  type MockScript,
  mockDial,
  mockNode,
  mockPair,
} from '../../src/testing/index.ts';
import { closingAfter, whileTimePasses } from '../support/proxy.ts';
import { CAN_LEAVE_UNANSWERED, unansweredPort } from '../support/unanswered.ts';

const network = networks.standalone;
const HASH = new Uint8Array(32);

/** Anything with a code; undefined when nothing failed. */
type Failure = { readonly code: string } | undefined;

/** What a promise rejects with. */
async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  return promise.then(
    () => undefined,
    (error) => error as Failure,
  );
}

/** How a connection to a mock peer fails, in the handshake or after it. */
async function endOf(script: MockScript, options: Partial<MockPairOptions> = {}): Promise<Failure> {
  const { connection, finished } = mockPair({ network, ...options }, script);
  const failure = await connection.then(
    ({ ended }) => ended,
    (error) => error as Failure,
  );
  await finished;
  return failure;
}

/** Sends HELLO with these options, and waits for the end. */
const hello =
  (options: Parameters<MockPeer['hello']>[0]): MockScript =>
  async (peer) => {
    await peer.expect('HELLO');
    peer.hello(options);
    await peer.expectEnd();
  };

/** Does something instead of AUTH. */
const insteadOfAuth =
  (act: (peer: MockPeer) => void): MockScript =>
  async (peer) => {
    await peer.expect('HELLO');
    peer.hello();
    await peer.expect('AUTH');
    act(peer);
    await peer.expectEnd();
  };

/** Does something after the handshake. */
const afterwards =
  (act: (peer: MockPeer) => void): MockScript =>
  async (peer) => {
    await peer.handshake();
    await peer.expect('SEND_MORE_EXTENDED');
    act(peer);
    await peer.expectEnd();
  };

/** With a manual clock, and a peer that grants nothing. */
async function timed(run: (connection: Connection, peer: MockPeer, clock: ManualClock) => Promise<void>): Promise<Failure> {
  const clock = new ManualClock();
  let peer: MockPeer | undefined;
  const { connection } = mockPair({ network, clock, scpStateLedgerSeq: null }, async (mock) => {
    peer = mock;
    await mock.expect('HELLO');
    mock.hello();
    await mock.expect('AUTH');
    mock.auth();
    await mock.expect('SEND_MORE_EXTENDED');
    await run(await connection, mock, clock);
  });
  const { ended } = await connection;
  const error = await ended;
  peer?.close();
  return error;
}

/** How a probe of a mock node fails. */
async function probed(script: MockScript, options: Partial<ProbeOptions> = {}, clock?: ManualClock): Promise<Failure> {
  await using node = await mockNode({ network, clock }, script);
  const { error } = await probe({ host: node.host, port: node.port }, { network, clock, ...options });
  return error;
}

/** How a connection to a listener is refused. */
async function refusedBy(options: Partial<ListenOptions>, dial: (port: number) => Promise<unknown>): Promise<Failure> {
  let told: (failure: Failure) => void;
  const refused = new Promise<Failure>((resolve) => {
    told = resolve;
  });
  await using listener = await listen({
    ...{ network, port: 0, ...options },
    onEvent: (event) => void (event.event === 'refused' && told(event.error)),
  });
  const dialling = dial(listener.port);
  const failure = await refused;
  await dialling.catch(() => {});
  return failure;
}

/** Every time is over at once. */
const IMPATIENT: Clock = {
  now: () => ({ unixSeconds: 0, monotonicMs: 0 }),
  setTimer(callback) {
    callback();
    return { cancel: () => {} };
  },
};

const SMALL_ORDER = new Uint8Array(32);
/** The errors of a resolver without an answer, and of one that cannot open a socket. */
const AGAIN = Object.assign(new Error('getaddrinfo'), { code: 'EAI_AGAIN' });
const FULL = Object.assign(new Error('getaddrinfo'), { code: 'EMFILE' });

const WAYS: Readonly<Record<OverlayErrorCode, () => Promise<Failure>>> = {
  OVERLAY_NAME_NOT_FOUND: () => failureOf(connect({ host: 'no-such-host.invalid', network })),
  OVERLAY_NAME_LOOKUP_TIMEOUT: () =>
    failureOf(connect({ host: 'a.example', network, clock: IMPATIENT, lookup: () => new Promise(() => {}) })),
  OVERLAY_NAME_LOOKUP_FAILED: () => failureOf(connect({ host: 'a.example', network, lookup: () => Promise.reject(AGAIN) })),
  OVERLAY_TOO_MANY_OPEN_FILES: () => failureOf(connect({ host: 'a.example', network, lookup: () => Promise.reject(FULL) })),
  OVERLAY_CONNECTION_REFUSED: () => failureOf(connect({ host: '127.0.0.1', port: 1, network })),
  // No packet leaves: the kernel has no TCP for the broadcast address.
  OVERLAY_UNREACHABLE: () => failureOf(connect({ host: '255.255.255.255', network })),
  async OVERLAY_CONNECT_TIMEOUT() {
    if (!CAN_LEAVE_UNANSWERED) return failureOf(connect({ host: '127.0.0.1', port: 1, network, clock: IMPATIENT }));
    await using unanswered = await unansweredPort();
    return await failureOf(connect({ host: '127.0.0.1', port: unanswered.port, network, handshakeTimeoutMs: 300 }));
  },
  async OVERLAY_LISTEN_FAILED() {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { readonly port: number };
    const failure = await failureOf(listen({ network, port }));
    taken.close();
    return failure;
  },

  OVERLAY_HANDSHAKE_TIMEOUT: () => probed((peer) => peer.expectEnd(), { handshakeTimeoutMs: 300 }),
  OVERLAY_IDLE_TIMEOUT: () => timed(async (_connection, _peer, clock) => clock.advance(31_000)),
  OVERLAY_NO_NEW_FLOOD_REQUESTS: () =>
    timed(async (connection, peer, clock) => {
      connection.send({ type: 'FLOOD_ADVERT', txHashes: [HASH] }).catch(() => {});
      for (let seconds = 0; seconds < 65; seconds += 5) {
        clock.advance(5_000);
        // It is there, and answers: it only grants nothing.
        const { qSetHash } = await peer.expect('GET_SCP_QUORUMSET').catch(() => ({ qSetHash: undefined }));
        if (qSetHash === undefined) return;
        peer.send({ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: qSetHash });
        await new Promise(setImmediate);
      }
    }),
  OVERLAY_STRAGGLING: () =>
    timed(async (connection, peer, clock) => {
      peer.grant();
      peer.stopReading();
      connection.send({ type: 'TX_SET', txSet: new Uint8Array(0x80000) }).catch(() => {});
      for (let seconds = 0; seconds < 125; seconds += 5) {
        await new Promise(setImmediate);
        peer.send({ type: 'GET_SCP_STATE', ledgerSeq: seconds });
        await new Promise(setImmediate);
        clock.advance(5_000);
      }
    }),
  OVERLAY_CONNECTION_CLOSED: () => probed(async (peer) => void (await peer.receiveBody())),
  OVERLAY_CONNECTION_RESET: () =>
    probed(async (peer) => {
      await peer.receiveBody();
      peer.reset();
    }),

  async OVERLAY_OTHER_NETWORK() {
    await using node = await listen({ network: networks.testnet, port: 0 });
    return (await probe({ host: '127.0.0.1', port: node.port }, { network })).error;
  },
  async OVERLAY_BANNED_THERE() {
    const identity = NodeIdentity.random();
    await using node = await listen({ network, port: 0, isBanned: (peerID) => peerID === identity.peerID });
    return (await probe({ host: '127.0.0.1', port: node.port }, { network, identity })).error;
  },
  async OVERLAY_OWN_CLOCK_BEHIND() {
    const ahead = new ManualClock();
    ahead.advance(10_000_000);
    await using node = await listen({ network, port: 0, clock: ahead });
    return (await probe({ host: '127.0.0.1', port: node.port }, { network, clock: new ManualClock() })).error;
  },
  OVERLAY_CLOSED_AT_ONCE: () => probed(async () => {}),
  async OVERLAY_CLOSED_UNHEARD() {
    const clock = new ManualClock();
    await using proxy = await closingAfter(3_000, clock);
    return (await whileTimePasses(clock, probe({ host: '127.0.0.1', port: proxy.port }, { network, clock }))).error;
  },
  OVERLAY_NOT_STELLAR: () =>
    probed(async (peer) => {
      peer.sendRaw(new TextEncoder().encode('HTTP/1.1 400 Bad Request\r\n\r\n'));
      await peer.expectEnd();
    }),

  OVERLAY_RECORD_LENGTH: () => endOf(insteadOfAuth((peer) => peer.sendHeader(4097))),
  OVERLAY_CORRUPT_XDR: () =>
    endOf(
      insteadOfAuth((peer) => {
        peer.sendHeader(8);
        peer.sendRaw(new Uint8Array(8));
      }),
    ),

  OVERLAY_UNEXPECTED_HELLO: () =>
    endOf(async (peer) => {
      const theirs = await peer.expect('HELLO');
      peer.hello();
      await peer.expect('AUTH');
      // With a good MAC: a HELLO without one is an unexpected MAC.
      peer.send(theirs);
      await peer.expectEnd();
    }),
  OVERLAY_CERT_EXPIRED: () => endOf(hello({ certSeconds: -1 })),
  OVERLAY_CERT_INVALID: () => endOf(hello({ certSignedBy: NodeIdentity.random() })),
  OVERLAY_PEER_ID_MISMATCH: () => endOf(hello({}), { expectedPeerID: NodeIdentity.random().peerID }),
  OVERLAY_PEER_BANNED: () => endOf(hello({}), { isBanned: () => true }),
  OVERLAY_BAD_ECDH_KEY: () =>
    endOf(async (peer) => {
      await peer.expect('HELLO');
      const expiration = BigInt(Math.floor(Date.now() / 1000) + 3600);
      const cert = makeAuthCert(nodeCrypto, peer.identity, network.networkID, SMALL_ORDER, expiration);
      peer.hello({ cert });
      await peer.expectEnd();
    }),
  OVERLAY_WRONG_PROTOCOL_VERSION: () => endOf(hello({ overlayVersion: 37, overlayMinVersion: 30 })),
  async OVERLAY_CONNECTING_TO_SELF() {
    const identity = NodeIdentity.random();
    const { connection } = mockPair({ network, identity }, hello({}), { identity });
    return failureOf(connection);
  },
  OVERLAY_WRONG_NETWORK: () => endOf(hello({ networkID: HASH })),
  OVERLAY_BAD_ADDRESS: () => endOf(hello({ listeningPort: 0 })),
  OVERLAY_ALREADY_CONNECTED: () =>
    refusedBy({}, async (port) => {
      const identity = NodeIdentity.random();
      await using _first = await connect({ host: '127.0.0.1', port, network, identity });
      await connect({ host: '127.0.0.1', port, network, identity });
    }),

  OVERLAY_OUT_OF_ORDER_AUTH: () =>
    endOf(async (peer) => {
      peer.auth();
      await peer.expectEnd();
    }),
  OVERLAY_FLOW_CONTROL_BYTES_DISABLED: () => endOf(insteadOfAuth((peer) => peer.auth(100))),
  OVERLAY_PEER_REJECTED: () =>
    refusedBy({ maxAuthenticatedConnections: 0 }, (port) => connect({ host: '127.0.0.1', port, network })),
  OVERLAY_NO_PENDING_SLOT: () =>
    refusedBy({ maxPendingConnections: 1 }, (port) =>
      mockDial(port, { network }, async () => {
        await mockDial(port, { network }, (peer) => peer.expectEnd());
      }),
    ),
  OVERLAY_ADDRESS_REFUSED: () =>
    refusedBy({ accept: () => false }, (port) => mockDial(port, { network }, (peer) => peer.expectEnd())),
  OVERLAY_MESSAGE_BEFORE_HANDSHAKE: () => endOf(insteadOfAuth((peer) => peer.grant())),

  OVERLAY_UNEXPECTED_SEQUENCE: () => endOf(afterwards((peer) => peer.replay())),
  async OVERLAY_ZERO_MAC_KEY() {
    // No peer can bring it about without breaking HMAC-SHA256: here the crypto is broken.
    const [ours, theirs] = duplexPair();
    const resolved = resolveOptions({ network });
    const broken = { ...nodeCrypto, hmacSha256: () => new Uint8Array(32) };
    const begun = newConnection({ role: 'WE_CALLED_REMOTE' });
    const session = new Session(new Peer({ ...peerOptions(resolved, begun), crypto: broken }), ours, {
      ...{ connection: begun.info, clock: resolved.clock, handshakeTimeoutMs: 10_000 },
    });
    const peer = new MockPeer(theirs, 'REMOTE_CALLED_US', { network });
    await peer.expect('HELLO');
    peer.together(() => {
      peer.hello();
      peer.auth();
    });
    const failure = await session.ended;
    peer.close();
    await session.closed;
    return failure;
  },
  OVERLAY_UNEXPECTED_MAC: () => endOf(afterwards((peer) => peer.sendBadMac({ type: 'GET_SCP_STATE', ledgerSeq: 0 }))),

  OVERLAY_UNEXPECTED_PEERS: () =>
    endOf(
      afterwards((peer) => peer.send({ type: 'PEERS', peers: [] })),
      { role: 'REMOTE_CALLED_US' },
    ),
  OVERLAY_TOO_MANY_PEERS: () =>
    endOf(
      afterwards((peer) => {
        peer.send({ type: 'PEERS', peers: [] });
        peer.send({ type: 'PEERS', peers: [] });
      }),
    ),
  OVERLAY_SEND_MORE: () => endOf(afterwards((peer) => peer.send({ type: 'SEND_MORE', numMessages: 1 }))),
  OVERLAY_INVALID_SEND_MORE_EXTENDED: () => endOf(afterwards((peer) => peer.grant(1, 0))),
  async OVERLAY_CAPACITY_OVERFLOW() {
    // Four thousand million largest grants would take a peer hours. Here, one grant is larger than a message can contain.
    const credit = new FloodSender();
    return failureOf(
      (async () => {
        for (let i = 0; i <= 2 ** 11; i++) credit.grant({ messages: 2 ** 53 - 1, bytes: 2 ** 53 - 1 });
      })(),
    );
  },
  OVERLAY_FLOOD_OVER_CAPACITY: () =>
    endOf(
      afterwards((peer) => {
        for (let i = 0; i < 2; i++) peer.send({ type: 'FLOOD_ADVERT', txHashes: [HASH] });
      }),
      { floodCapacity: { messages: 1, bytes: 1_000 } },
    ),

  OVERLAY_PEER_ERROR: () => endOf(afterwards((peer) => peer.error('ERR_MISC', 'dropped by user'))),
  async OVERLAY_SEND_QUEUE_FULL() {
    const { connection } = mockPair({ network }, async (peer) => {
      await peer.expect('HELLO');
      peer.hello();
      await peer.expect('AUTH');
      peer.auth();
      await peer.expectEnd();
    });
    await using open = await connection;
    const txHashes = Array<Uint8Array>(1_000).fill(HASH);
    // Ten times what the queue may hold.
    const sending = Array.from({ length: 1_000 }, () => failureOf(open.send({ type: 'FLOOD_ADVERT', txHashes })));
    return await Promise.race(sending);
  },
  OVERLAY_INTERNAL: () =>
    endOf(hello({}), {
      isBanned: () => {
        throw new Error('a function of the application');
      },
    }),
  async OVERLAY_SHUTDOWN() {
    const listener = await listen({ network, port: 0 });
    const accepting = listener[Symbol.asyncIterator]().next();
    await using _dialled = await connect({ host: '127.0.0.1', port: listener.port, network });
    const accepted = (await accepting).value as Connection;
    await listener.close();
    return accepted.ended;
  },
  async OVERLAY_CLOSED() {
    const { connection } = mockPair(
      { network },
      afterwards(() => {}),
    );
    const open = await connection;
    await open.close();
    return open.ended;
  },
  OVERLAY_ABORTED: () => failureOf(connect({ host: '127.0.0.1', port: 1, network, signal: AbortSignal.abort() })),
};

describe('a failure that causes', () => {
  it.for(Object.entries(WAYS))('%s', async ([code, goes]) => {
    expect((await goes())?.code).toBe(code);
  });
});

it('every row of the error table has an entry in this file, and no entry is without a row', () => {
  expect(Object.keys(WAYS)).toEqual(Object.keys(ERROR_TABLE));
});
