/**
 * Targets that are broken on purpose, with one fault each. A case that none of them fails would prove nothing.
 * @module
 */
import type { Duplex } from 'node:stream';
import type { AuditCase, Group } from '../../src/audit/index.ts';
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

/** Passes only records for which the predicate is true. */
const lets =
  (through: (record: Uint8Array, inside: Inside) => boolean) =>
  (inside: Inside): RecordFilter => {
    return (record) => (through(record, inside) ? record : undefined);
  };

/** Whether the MAC of a record is good for the sequence it carries. */
function hasGoodMac(record: Uint8Array, { macKeys: [, receiving] }: Inside): boolean {
  return receiving?.verify(record, 8, record.length - 32) === true;
}

/** Seals a record again, so that its MAC is good. */
function reseal(record: Uint8Array, sequence: bigint, { macKeys: [, receiving] }: Inside): Uint8Array {
  view(record).setBigUint64(8, sequence);
  receiving?.seal(record, 8, record.length - 32);
  return record;
}

const isMaced = (record: Uint8Array, { macKeys }: Inside): boolean => macKeys.length > 0 && !is(record, 'ERROR_MSG');

/** Replaces the sequence by the expected one in each record whose MAC is good for its own sequence. */
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

/** An honest HELLO of the audit except for its keys. Any other HELLO is not understood. */
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

/** Cases with unusual records, which are refused for another reason than expected. */
const EXTRAORDINARY: readonly string[] = [
  'bytes-granted-again',
  'fragmented-record',
  'hello-reflected',
  'messages-granted-again',
  'network-before-port',
  'port-0',
  'port-65536',
  'port-minus-1',
  'port-minus-2147483648',
  'self-before-network',
  'version-before-network-and-port',
  'versions-inverted',
];

/** Everything until the end is read, and pings answered. */
async function listens(peer: MockPeer): Promise<void> {
  for (let body = await peer.receiveBody(); body !== undefined; body = await peer.receiveBody()) {
    const message = peer.read(body);
    if (message.type === 'GET_SCP_QUORUMSET')
      peer.send({ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: message.qSetHash });
  }
}

const flood = { type: 'FLOOD_ADVERT', txHashes: [new Uint8Array(32)] } as const;

/** Cases that fail for every target whose records are changed one by one, because it waits for each announced record. */
export const BY_ANY_FILTER: readonly string[] = [
  'feeds-oversized-record-after-auth',
  'garbage',
  'largest-header-before-auth',
  'oversized-header-after-auth',
  'oversized-header-after-hello',
  'oversized-header-before-auth',
  'pours-before-auth',
];

/** Certificates that only a target which verifies no signature accepts. */
const FORGED_CERTIFICATES: readonly string[] = [
  'malleated-signature',
  'one-bit-flipped',
  'other-network',
  'signature-of-0-bytes',
  'signature-of-63-bytes',
  'signed-another-ecdh-key',
  'signed-another-expiration',
  'signed-by-another',
  'signed-one-byte-type',
  'signed-payload',
  'whole-hello-of-another-network',
  'zero-signature',
];

/** Cases that fail when the grants of a target come after the handshake or are wrong. */
const LATE_GRANTS: readonly string[] = [
  'answers-for-tx-sets',
  'bytes-beyond-credit',
  'bytes-granted-again',
  'certificate-is-short-lived',
  'grant-of-no-bytes',
  'messages-beyond-credit',
  'messages-granted-again',
  'send-more',
];

/** A target, and the cases that must notice its fault. */
export interface Mutant {
  readonly name: string;
  readonly mutation: Mutation;
  /** Groups that are played: those in which it must be noticed, and others in which it must not. */
  readonly groups: readonly Group[];
  /** Names of cases without role, in any order; or a function that selects cases. */
  readonly noticed: readonly string[] | ((one: AuditCase) => boolean);
  /** Further cases for a target of one role. */
  readonly acceptorOnly?: readonly string[];
  readonly initiatorOnly?: readonly string[];
  /** The role it makes sense in; both when left out. */
  readonly role?: PeerRole;
}

/** All of them. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'waits for any announced record, and skips records of length 0',
    mutation: {
      receives: lets((record) => record.length > 4),
      options: { authenticationTimeoutMs: 600_000, peerTimeoutMs: 600_000 },
      handshakeTimeoutMs: 600_000,
    },
    groups: ['conduct', 'framing'],
    noticed: ['feeds-oversized-record-before-auth', 'zero-length-record', 'zero-length-record-after-auth'],
  },
  {
    name: 'skips malformed records',
    mutation: { receives: lets((record) => record.length === 4 || isWellFormed(record)) },
    groups: ['channel', 'certificate', 'conduct', 'framing', 'structure'],
    noticed: [
      'record-version-flipped',
      'dont-have-type-99',
      'advert-count-largest',
      'advert-of-1001',
      'auth-trailing-word-after-auth',
      'error-text-101',
      'fragmented-record',
      'full-size-record-before-auth',
      'length-not-a-multiple-of-4',
      'malformed-and-wrongly-maced',
      'malformed-auth',
      'medium-record-after-auth',
      'optional-flag-2',
      'padding-not-zero',
      'peer-id-key-type-1',
      'quorum-set-2000-deep',
      'quorum-set-count-largest',
      'record-of-2-bytes',
      'record-of-4-bytes',
      'record-of-44-bytes',
      'send-more-extended-truncated',
      'signature-of-65-bytes',
      'statement-type-4',
      'survey-response-64001',
      'trailing-word',
      'truncated',
      'type-1',
      'type-14',
      'type-14-after-auth',
      'type-15',
      'type-25',
      'type-4',
      'type-4-after-auth',
      'type-99-after-auth',
      'type-minus-1',
      'union-version-1',
      'unknown-type-wrongly-maced',
      'version-str-101',
    ],
    initiatorOnly: ['peers-ip-type-2', 'peers-of-101'],
  },
  {
    name: 'skips messages before HELLO',
    mutation: {
      receives: (inside) => {
        let greeted = false;
        return (record) => {
          greeted ||= is(record, 'HELLO') || !isWellFormed(record);
          return greeted || inside.macKeys.length > 0 ? record : undefined;
        };
      },
    },
    groups: ['auth', 'conduct', 'structure'],
    noticed: [
      'auth-before-hello',
      'early-dont-have',
      'early-get-scp-quorumset',
      'early-get-scp-state',
      'early-peers',
      'early-send-more-extended',
      'error-before-hello',
    ],
  },
  {
    name: 'skips messages between HELLO and AUTH',
    mutation: {
      receives: (inside) => {
        let authed = false;
        return (record) => {
          authed ||= is(record, 'AUTH') || !isWellFormed(record);
          return authed || inside.macKeys.length === 0 || is(record, 'ERROR_MSG') ? record : undefined;
        };
      },
    },
    groups: ['auth', 'conduct', 'hello'],
    noticed: [
      'between-get-scp-quorumset',
      'between-get-scp-state',
      'between-send-more-extended',
      'second-hello-good-mac',
      'second-hello-zero-mac',
    ],
    initiatorOnly: ['between-peers'],
  },
  {
    name: 'accepts every certificate',
    mutation: { crypto: { verify: () => true } },
    groups: ['certificate', 'conduct'],
    noticed: FORGED_CERTIFICATES,
  },
  {
    name: 'accepts expired certificates',
    mutation: {
      crypto: { verify: () => true },
      receives: editsHello((record) => view(record).setBigUint64(behindVersion(record) + 72, 2n ** 40n)),
    },
    groups: ['certificate', 'conduct'],
    noticed: [...FORGED_CERTIFICATES, 'expired-just-now', 'expired-long-ago'],
  },
  {
    name: 'accepts ECDH keys of small order',
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
    groups: ['certificate', 'conduct'],
    noticed: ['small-order-key-0', 'small-order-key-order-8-a', 'small-order-key-p'],
    acceptorOnly: [
      'small-order-key-1',
      'small-order-key-1-top-bit',
      'small-order-key-order-8-b',
      'small-order-key-p-1',
      'small-order-key-p-plus-1',
    ],
  },
  {
    name: 'accepts every MAC',
    mutation: { believesMacs: true },
    groups: ['auth', 'channel', 'conduct', 'hello'],
    noticed: [
      'record-payload-flipped',
      'flood-advert-mac-flipped',
      'flood-demand-mac-flipped',
      'scp-message-mac-flipped',
      'transaction-mac-flipped',
      'auth-mac-flipped',
      'auth-mac-no-sequence',
      'auth-mac-other-direction',
      'auth-mac-shared-key',
      'auth-mac-short-sequence',
      'auth-mac-swapped-keys',
      'auth-mac-swapped-nonces',
      'auth-mac-with-version',
      'auth-mac-zero',
      'record-mac-flipped',
      'record-mac-no-sequence',
      'record-mac-other-direction',
      'record-mac-shared-key',
      'record-mac-short-sequence',
      'record-mac-with-version',
      'record-mac-zero',
      'second-hello-zero-mac',
    ],
    initiatorOnly: ['auth-reflected'],
  },
  {
    name: 'accepts any sequence',
    mutation: { receives: anySequence },
    groups: ['auth', 'channel', 'conduct'],
    noticed: [
      'auth-sequence-largest',
      'auth-sequence-one',
      'record-replayed',
      'record-sequence-zero',
      'record-skipped',
      'records-reordered',
    ],
  },
  {
    name: 'accepts any sequence and any MAC',
    mutation: {
      receives: (inside) => {
        let next = 0n;
        return (record) => (isMaced(record, inside) && record.length >= 52 ? reseal(record, next++, inside) : record);
      },
    },
    groups: ['channel'],
    noticed: (one) => /ERR_AUTH/.test(one.expect.text),
  },
  {
    name: 'does not check overlay versions',
    mutation: {
      receives: editsHello((record) => {
        view(record).setUint32(24, 41);
        view(record).setUint32(28, 40);
      }),
    },
    groups: ['conduct', 'hello'],
    noticed: ['version-before-network-and-port', 'versions-inverted', 'versions-too-new', 'versions-too-old'],
  },
  {
    name: 'does not check the listening port',
    mutation: { receives: editsHello((record) => view(record).setInt32(behindVersion(record), 11625)) },
    groups: ['conduct', 'hello'],
    noticed: ['port-0', 'port-65536', 'port-minus-1', 'port-minus-2147483648'],
  },
  {
    name: 'does not check the networkID in HELLO',
    mutation: { receives: editsHello((record) => record.set(fromHex(networks.standalone.networkID), 32)) },
    groups: ['conduct', 'hello'],
    noticed: ['network-before-port', 'wrong-network-id'],
  },
  {
    name: 'does not recognise its own peerID',
    mutation: {
      crypto: { verify: () => true },
      receives: editsHello((record) => {
        const at = behindVersion(record) + 8;
        if (equalBytes(record.subarray(at, at + 32), targetKey)) record[at] = (record[at] as number) ^ 1;
        else record.fill(0, at, at + 1);
      }),
    },
    groups: ['certificate', 'conduct', 'hello'],
    noticed: [...FORGED_CERTIFICATES, 'connecting-to-self', 'self-before-network'],
    initiatorOnly: ['hello-reflected'],
  },
  {
    name: 'accepts two connections of one peer',
    mutation: { options: { claimPeerID: () => true } },
    groups: ['conduct', 'hello'],
    noticed: ['second-connection', 'two-pending-connections'],
    role: 'REMOTE_CALLED_US',
  },
  {
    name: 'accepts any flags of AUTH',
    mutation: {
      receives: (inside) => (record) => {
        if (!is(record, 'AUTH') || !isMaced(record, inside) || !hasGoodMac(record, inside)) return record;
        view(record).setInt32(20, 200);
        return reseal(record, view(record).getBigUint64(8), inside);
      },
    },
    groups: ['auth', 'conduct'],
    noticed: ['auth-flags-0', 'auth-flags-1', 'auth-flags-100', 'auth-flags-201', 'auth-flags-minus-1'],
  },
  {
    name: 'skips messages that are not allowed at their position',
    mutation: {
      receives: (inside) => {
        let auths = 0;
        let hellos = 0;
        let peers = 0;
        return (record) => {
          if (is(record, 'SEND_MORE', 'ERROR_MSG') && isWellFormed(record)) return undefined;
          const isFirstPeers = inside.role === 'WE_CALLED_REMOTE' && auths > 0 && peers === 0;
          if (is(record, 'PEERS') && isWellFormed(record) && (!isFirstPeers || peers++ > 0)) return undefined;
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
    groups: ['auth', 'channel', 'conduct', 'flow', 'hello', 'structure'],
    noticed: [
      'early-peers',
      'error-after-auth',
      'error-after-hello',
      'error-before-hello',
      'error-code-99',
      'error-text-100',
      'error-with-control-bytes',
      'error-with-garbage-mac',
      'grant-of-no-bytes',
      'second-auth',
      'second-hello-good-mac',
      'second-hello-zero-mac',
      'send-more',
    ],
    acceptorOnly: ['peers-to-acceptor'],
    initiatorOnly: [
      'between-peers',
      'full',
      'peers-twice',
      'refused-duplicate',
      'refused-network',
      'refused-port',
      'refused-version',
    ],
  },
  {
    name: 'refuses without an ERROR_MSG',
    mutation: { sends: lets((record) => !is(record, 'ERROR_MSG')) },
    groups: ['structure', 'hello', 'auth', 'channel'],
    noticed: (one) => one.expect.text.includes('ERROR_MSG ERR_'),
  },
  {
    name: 'refuses with another text in its ERROR_MSG',
    mutation: {
      sends: () => (record) => {
        if (is(record, 'ERROR_MSG')) record.fill(0x78, 28, 32);
        return record;
      },
    },
    groups: ['structure', 'hello', 'auth', 'channel'],
    noticed: (one) => one.expect.text.includes('ERROR_MSG ERR_'),
  },
  {
    name: 'sends ERR_MISC before each silent drop',
    mutation: { saysGoodbye: true },
    groups: ['framing', 'hello', 'certificate', 'auth', 'channel', 'flow'],
    noticed: (one) => one.expect.text.includes('closes without an ERROR_MSG'),
  },
  {
    name: 'never closes',
    mutation: { neverCloses: true },
    groups: ['framing', 'certificate', 'flow', 'timing'],
    noticed: (one) => one.expect.text.includes('closes'),
  },
  {
    name: 'does not notice that its peer has closed',
    mutation: { ignoresEnd: true },
    groups: ['framing', 'auth'],
    noticed: ['half-a-body-then-fin', 'half-a-header-then-fin'],
    acceptorOnly: ['half-a-handshake-then-fin'],
    initiatorOnly: ['fin-after-auth', 'fin-at-once', 'hello-then-fin'],
  },
  {
    name: 'answers no request',
    mutation: { options: { serves: ['GET_SCP_QUORUMSET', 'GET_TX_SET'] } },
    groups: ['conduct'],
    noticed: ['answers-for-tx-sets', 'answers-pings'],
  },
  {
    name: 'refuses every unusual message',
    mutation: {
      receives: () => {
        let grants = 0;
        let pings = 0;
        return (record) => {
          const isOrdinary =
            (is(record, 'HELLO') && isOrdinaryHello(record)) ||
            is(record, 'AUTH', 'GET_TX_SET', 'ERROR_MSG') ||
            (is(record, 'DONT_HAVE') && !equalBytes(record.subarray(24, 56), new Uint8Array(32))) ||
            (is(record, 'SEND_MORE_EXTENDED') && grants++ === 0) ||
            (is(record, 'GET_SCP_QUORUMSET') && pings++ < 2) ||
            !isWellFormed(record);
          return isOrdinary && (record[0] as number) >= 0x80 ? record : Uint8Array.of(0x80, 0, 0, 0);
        };
      },
    },
    groups: ['framing', 'structure', 'hello', 'certificate', 'auth', 'flow'],
    noticed: (one) =>
      (one.expect.text.startsWith('it continues:') || EXTRAORDINARY.includes(one.id.slice(one.id.indexOf('.') + 1))) &&
      !/hello-byte-by-byte|dont-have-type-99/.test(one.id),
  },
  {
    name: 'accepts only chunks that are exactly one record',
    mutation: {
      reads: () => (chunk) =>
        chunk.length >= 4 && (view(chunk).getUint32(0) & 0x7fffffff) === chunk.length - 4 ? chunk : undefined,
    },
    groups: ['auth', 'channel', 'conduct', 'flow', 'framing'],
    noticed: [
      'bytes-granted-again',
      'fragmented-record',
      'full-size-record-before-auth',
      'hello-byte-by-byte',
      'many-records-at-once',
      'medium-record-after-auth',
      'messages-granted-again',
      'pipelined-channel',
      'record-replayed',
      'records-reordered',
      'scp-state-eleven-times',
    ],
    initiatorOnly: ['pipelined-answer'],
  },
  {
    name: 'has a limit of record length that is too small after AUTH',
    mutation: { reads: smallLimit },
    groups: ['conduct', 'flow', 'framing', 'structure'],
    noticed: [
      'advert-of-1001',
      'bytes-granted-again',
      'medium-record-after-auth',
      'quorum-set-2000-deep',
      'survey-response-64001',
    ],
  },
  {
    name: 'accepts far more flood messages than it has granted',
    mutation: { options: { floodCapacity: { messages: 100_000, bytes: 1_000_000_000 } } },
    groups: ['conduct', 'flow'],
    noticed: ['bytes-beyond-credit', 'messages-beyond-credit'],
  },
  {
    name: 'never takes a received message',
    mutation: { isStuck: true },
    groups: ['conduct', 'flow'],
    noticed: ['bytes-granted-again', 'messages-granted-again'],
  },
  {
    name: 'always has the same nonce',
    mutation: { nonce: new Uint8Array(32).fill(5) },
    groups: ['conduct'],
    noticed: ['nonce-is-fresh'],
  },
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
    groups: ['conduct', 'flow'],
    noticed: [...LATE_GRANTS, 'credit-for-one-message', 'credit-of-few-bytes', 'grants-first', 'no-credit-no-flood'],
  },
  {
    name: 'sends everything twice, and other bytes in place of zeros',
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
    groups: ['conduct', 'flow'],
    noticed: [...LATE_GRANTS, 'auth-once', 'hello-is-bare', 'hello-is-plausible'],
    acceptorOnly: ['peers-once', 'speaks-second'],
    initiatorOnly: ['sends-no-peers'],
  },
  {
    name: 'has a certificate signed by another key',
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
    groups: ['conduct', 'flow'],
    noticed: [...LATE_GRANTS, 'certificate-is-good'],
  },
  {
    name: 'refuses PEERS',
    mutation: { receives: () => (record) => (is(record, 'PEERS') ? Uint8Array.of(0x80, 0, 0, 0) : record) },
    groups: ['channel'],
    noticed: ['peers-empty', 'peers-of-100', 'peers-unusable', 'pipelined-answer'],
    role: 'WE_CALLED_REMOTE',
  },
  {
    name: 'accepts only one connection in its life',
    mutation: { slots: 1 },
    groups: ['conduct'],
    noticed: (one) => one.steps[0]?.text === 'a whole honest handshake',
  },
  {
    name: 'answers ten connections at once',
    mutation: { answersAtOnce: 10 },
    groups: ['timing'],
    noticed: ['twenty-silent-connections'],
    role: 'REMOTE_CALLED_US',
  },
  {
    name: 'has a handshake deadline that is too short',
    mutation: { handshakeTimeoutMs: 2_500 },
    groups: ['conduct'],
    noticed: ['slow-answer'],
    role: 'WE_CALLED_REMOTE',
  },
  {
    name: 'crashes when its peer resets the connection',
    mutation: { diesOfReset: true },
    groups: ['framing'],
    noticed: ['rst-at-once', 'rst-after-hello', 'rst-after-auth'],
    role: 'WE_CALLED_REMOTE',
  },
];

/** A record with 4,096 bytes, without end. */
function smallLimit(): (chunk: Uint8Array) => Uint8Array | undefined {
  return (chunk) => (chunk.length >= 4 && (view(chunk).getUint32(0) & 0x7fffffff) > 4096 ? undefined : chunk);
}
