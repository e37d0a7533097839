/**
 * Targets that are broken on purpose, one fault each: a case that none of them fails would say nothing.
 * @module
 */
import type { Duplex } from 'node:stream';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { NodeIdentity, networks } from '../../src/index.ts';
import type { PeerRole } from '../../src/protocol/auth/key-schedule.ts';
import { equalBytes, fromHex } from '../../src/protocol/bytes.ts';
import { checkAuthenticatedMessage, decodePublicKey } from '../../src/protocol/index.ts';
import { MESSAGE_TYPES, type MessageType } from '../../src/protocol/wire/messages.ts';
import { MockPeer } from '../../src/testing/index.ts';
import { type Inside, type Mutation, type RecordFilter, TARGET_SEED } from './targets.ts';

const view = (record: Uint8Array): DataView => new DataView(record.buffer, record.byteOffset, record.byteLength);
const typeOf = (record: Uint8Array): number => (record.length < 20 ? -1 : view(record).getInt32(16));
const is = (record: Uint8Array, ...types: readonly MessageType[]): boolean =>
  types.some((type) => MESSAGE_TYPES[type] === typeOf(record));

function isWellFormed(record: Uint8Array): boolean {
  try {
    checkAuthenticatedMessage(record.subarray(4), false);
    return true;
  } catch {
    return false;
  }
}

/** Only records the predicate holds of get through. */
const lets =
  (through: (record: Uint8Array, inside: Inside) => boolean) =>
  (inside: Inside): RecordFilter => {
    return (record) => (through(record, inside) ? record : undefined);
  };

/** Whether the MAC of a record is good for the sequence it carries. */
function hasGoodMac(record: Uint8Array, { macKeys: [, receiving] }: Inside): boolean {
  return receiving?.verify(record, 8, record.length - 32) === true;
}

/** Seals a record anew, as if it had been right. */
function reseal(record: Uint8Array, sequence: bigint, { macKeys: [, receiving] }: Inside): Uint8Array {
  view(record).setBigUint64(8, sequence);
  receiving?.seal(record, 8, record.length - 32);
  return record;
}

const isMaced = (record: Uint8Array, { macKeys }: Inside): boolean => macKeys.length > 0 && !is(record, 'ERROR_MSG');

/** Puts the sequence that should be there into each record whose MAC fits the one that is. */
const anySequence = (inside: Inside): RecordFilter => {
  let next = 0n;
  return (record) => {
    if (!isMaced(record, inside) || !hasGoodMac(record, inside)) return record;
    return reseal(record, next++, inside);
  };
};

/** Where a field of HELLO behind versionStr is in a record. */
const behindVersion = (record: Uint8Array): number => 68 + ((view(record).getUint32(64) + 3) & ~3);

const targetKey = decodePublicKey(NodeIdentity.fromSeed(TARGET_SEED).peerID);

/** Changes the first HELLO that comes. */
const editsHello = (edit: (record: Uint8Array) => void) => (): RecordFilter => {
  let isFirst = true;
  return (record) => {
    if (isFirst && is(record, 'HELLO') && isWellFormed(record)) {
      isFirst = false;
      edit(record);
    }
    return record;
  };
};

/** An honest HELLO of the audit but for its keys: anything else is not understood. */
function isOrdinaryHello(record: Uint8Array): boolean {
  if (!isWellFormed(record) || (record[0] as number) < 0x80) return false;
  const at = behindVersion(record);
  const expiresIn = Number(view(record).getBigUint64(at + 72)) - Math.floor(1_767_225_600);
  return (
    view(record).getUint32(20) === 27 &&
    view(record).getUint32(28) !== 0 &&
    view(record).getUint32(24) - view(record).getUint32(28) > 0 &&
    view(record).getUint32(64) === 23 &&
    view(record).getInt32(at) === 11625 &&
    record.subarray(8, 16).every((byte) => byte === 0) &&
    record.subarray(-32).every((byte) => byte === 0) &&
    expiresIn > 3000 &&
    expiresIn < 1_000_000
  );
}

/** A target in which MockPeer plays a script. */
const scripted =
  (script: (peer: MockPeer) => Promise<void>, nonce?: Uint8Array) =>
  (stream: Duplex, role: PeerRole): void => {
    let isFirst = true;
    const random = (length: number): Uint8Array => {
      const isNonce = length === 32 && isFirst;
      isFirst = false;
      return isNonce && nonce !== undefined ? nonce : globalThis.crypto.getRandomValues(new Uint8Array(length));
    };
    const identity = NodeIdentity.fromSeed(TARGET_SEED);
    const peer = new MockPeer(stream, role, { network: networks.standalone, identity, random });
    void script(peer)
      .catch(() => {})
      .finally(() => peer.close());
  };

/** Everything until the end is read, and pings answered. */
async function listens(peer: MockPeer): Promise<void> {
  for (let body = await peer.receiveBody(); body !== undefined; body = await peer.receiveBody()) {
    const message = peer.read(body);
    if (message.type === 'GET_SCP_QUORUMSET')
      peer.send({ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: message.qSetHash });
  }
}

const flood = { type: 'FLOOD_ADVERT', txHashes: [new Uint8Array(32)] } as const;

/** A target, and which cases have to notice what is wrong with it: names without role, in no order. */
export interface Mutant {
  readonly name: string;
  readonly mutation: Mutation;
  readonly noticed: readonly string[];
  /** What only a target of one role is noticed by. */
  readonly acceptorOnly?: readonly string[];
  readonly initiatorOnly?: readonly string[];
  /** The role it makes sense in; both when left out. */
  readonly role?: PeerRole;
}

/** All of them. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'waits for whatever is announced, and skips records of length 0',
    mutation: { receives: lets((record) => record.length > 4) },
    noticed: [],
  },
  {
    name: 'skips records that are malformed',
    mutation: { receives: lets((record) => record.length === 4 || isWellFormed(record)) },
    noticed: [],
  },
  {
    name: 'skips what comes before HELLO',
    mutation: {
      receives: (inside) => {
        let greeted = false;
        return (record) => {
          greeted ||= is(record, 'HELLO') || !isWellFormed(record);
          return greeted || inside.macKeys.length > 0 ? record : undefined;
        };
      },
    },
    noticed: [],
  },
  {
    name: 'skips what comes between HELLO and AUTH',
    mutation: {
      receives: (inside) => {
        let authed = false;
        return (record) => {
          authed ||= is(record, 'AUTH') || !isWellFormed(record);
          return authed || inside.macKeys.length === 0 || is(record, 'ERROR_MSG') ? record : undefined;
        };
      },
    },
    noticed: [],
  },
  { name: 'believes every certificate', mutation: { crypto: { verify: () => true } }, noticed: [] },
  {
    name: 'believes certificates that have expired',
    mutation: {
      crypto: { verify: () => true },
      receives: editsHello((record) => view(record).setBigUint64(behindVersion(record) + 72, 2n ** 40n)),
    },
    noticed: [],
  },
  {
    name: 'takes ECDH keys of small order',
    mutation: {
      crypto: {
        ecdhKey: (secret) => {
          const key = nodeCrypto.ecdhKey(secret);
          return {
            publicKey: key.publicKey,
            sharedSecret: (remote) => key.sharedSecret(remote) ?? new Uint8Array(32).fill(1),
            unsafeExportSecret: () => key.unsafeExportSecret(),
          };
        },
      },
    },
    noticed: [],
  },
  { name: 'believes every MAC', mutation: { believesMacs: true }, noticed: [] },
  { name: 'takes sequences as they come', mutation: { receives: anySequence }, noticed: [] },
  {
    name: 'does not look at overlay versions',
    mutation: {
      receives: editsHello((record) => {
        view(record).setUint32(24, 41);
        view(record).setUint32(28, 40);
      }),
    },
    noticed: [],
  },
  {
    name: 'does not look at the listening port',
    mutation: { receives: editsHello((record) => view(record).setInt32(behindVersion(record), 11625)) },
    noticed: [],
  },
  {
    name: 'does not look at the network in HELLO',
    mutation: { receives: editsHello((record) => record.set(fromHex(networks.standalone.networkID), 32)) },
    noticed: [],
  },
  {
    name: 'does not recognise itself',
    mutation: {
      crypto: { verify: () => true },
      receives: editsHello((record) => {
        const at = behindVersion(record) + 8;
        if (equalBytes(record.subarray(at, at + 32), targetKey)) record[at] = (record[at] as number) ^ 1;
        else record.fill(0, at, at + 1);
      }),
    },
    noticed: [],
  },
  {
    name: 'lets a peer connect twice',
    mutation: { options: { claimPeerID: () => true } },
    noticed: [],
    role: 'REMOTE_CALLED_US',
  },
  {
    name: 'takes any flags of AUTH',
    mutation: {
      receives: (inside) => (record) => {
        if (!is(record, 'AUTH') || !isMaced(record, inside) || !hasGoodMac(record, inside)) return record;
        view(record).setInt32(20, 200);
        return reseal(record, view(record).getBigUint64(8), inside);
      },
    },
    noticed: [],
  },
  {
    name: 'skips messages that have no place where they are',
    mutation: {
      receives: (inside) => {
        let auths = 0;
        let hellos = 0;
        return (record) => {
          if (is(record, 'SEND_MORE', 'PEERS', 'ERROR_MSG') && isWellFormed(record)) return undefined;
          if (is(record, 'SEND_MORE_EXTENDED') && record.length === 60 && view(record).getUint32(24) === 0) return undefined;
          if (is(record, 'AUTH') && inside.macKeys.length > 0 && isWellFormed(record) && hasGoodMac(record, inside)) {
            if (++auths > 1) return undefined;
          }
          if (is(record, 'HELLO') && isWellFormed(record)) {
            if (++hellos > 1) return undefined;
          }
          return record;
        };
      },
    },
    noticed: [],
  },
  { name: 'refuses without a word', mutation: { sends: lets((record) => !is(record, 'ERROR_MSG')) }, noticed: [] },
  {
    name: 'refuses in other words',
    mutation: {
      sends: () => (record) => {
        if (is(record, 'ERROR_MSG')) record.fill(0x78, 28, 32);
        return record;
      },
    },
    noticed: [],
  },
  {
    name: 'says ERR_MISC before each silent end',
    mutation: { saysGoodbye: true },
    noticed: [],
  },
  { name: 'never closes', mutation: { neverCloses: true }, noticed: [] },
  { name: 'does not notice that its peer has closed', mutation: { ignoresEnd: true }, noticed: [] },
  { name: 'answers no question', mutation: { options: { serves: ['GET_SCP_QUORUMSET', 'GET_TX_SET'] } }, noticed: [] },
  {
    name: 'understands only what is ordinary',
    mutation: {
      receives: () => {
        let grants = 0;
        let pings = 0;
        return (record) => {
          const isOrdinary =
            (is(record, 'HELLO') && isOrdinaryHello(record)) ||
            is(record, 'AUTH', 'DONT_HAVE', 'GET_TX_SET', 'ERROR_MSG') ||
            (is(record, 'SEND_MORE_EXTENDED') && grants++ === 0) ||
            (is(record, 'GET_SCP_QUORUMSET') && pings++ < 2) ||
            !isWellFormed(record);
          return isOrdinary && (record[0] as number) >= 0x80 ? record : Uint8Array.of(0x80, 0, 0, 0);
        };
      },
    },
    noticed: [],
  },
  {
    name: 'wants each record in one piece, and one record in a piece',
    mutation: {
      reads: () => (chunk) =>
        chunk.length >= 4 && (view(chunk).getUint32(0) & 0x7fffffff) === chunk.length - 4 ? chunk : undefined,
    },
    noticed: [],
  },
  { name: 'has too small a limit after AUTH', mutation: { reads: smallLimit }, noticed: [] },
  {
    name: 'grants far more than it says',
    mutation: { options: { floodCapacity: { messages: 100_000, bytes: 1_000_000_000 } } },
    noticed: [],
  },
  { name: 'never takes what it is sent', mutation: { isStuck: true }, noticed: [] },
  { name: 'has the same nonce always', mutation: { nonce: new Uint8Array(32).fill(5) }, noticed: [] },
  {
    name: 'floods without credit, and grants late',
    mutation: {
      plays: scripted(async (peer) => {
        if (peer.role === 'WE_CALLED_REMOTE') peer.hello();
        await peer.expect('HELLO');
        if (peer.role === 'REMOTE_CALLED_US') peer.hello();
        else peer.auth();
        await peer.expect('AUTH');
        if (peer.role === 'REMOTE_CALLED_US') peer.auth();
        for (let i = 0; i < 3; i++) peer.send(flood);
        peer.grant();
        await listens(peer);
      }),
    },
    noticed: [],
  },
  {
    name: 'says everything twice, and garbage where zeros belong',
    mutation: {
      plays: scripted(async (peer) => {
        const hello = peer.helloRecord({ certSeconds: 40_000_000, listeningPort: 0 });
        hello.fill(0xa5, 8, 16);
        if (peer.role === 'WE_CALLED_REMOTE') peer.sendRaw(hello);
        else peer.sendRaw(hello.slice());
        await peer.expect('HELLO');
        peer.auth();
        peer.auth();
        peer.send({ type: 'PEERS', peers: [] });
        peer.send({ type: 'PEERS', peers: [] });
        peer.grant();
        await listens(peer);
      }),
    },
    noticed: [],
  },
  {
    name: 'has a certificate signed by somebody else',
    mutation: {
      plays: scripted(async (peer) => {
        const certSignedBy = NodeIdentity.fromSeed(new Uint8Array(32).fill(8));
        if (peer.role === 'WE_CALLED_REMOTE') peer.hello({ certSignedBy });
        await peer.expect('HELLO');
        if (peer.role === 'REMOTE_CALLED_US') peer.hello({ certSignedBy });
        peer.auth();
        peer.grant();
        await listens(peer);
      }),
    },
    noticed: [],
  },
];

/** 4,096 bytes a record, for ever. */
function smallLimit(): (chunk: Uint8Array) => Uint8Array | undefined {
  return (chunk) => (chunk.length >= 4 && (view(chunk).getUint32(0) & 0x7fffffff) > 4096 ? undefined : chunk);
}
