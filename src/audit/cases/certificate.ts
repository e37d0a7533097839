/**
 * The certificate in HELLO: everything that must not be accepted (protocol.md sections 3.4 and 3.5).
 * @module
 */
import { nodeCrypto } from '../../crypto/node.ts';
import { NodeIdentity } from '../../net/identity.ts';
import { authCertPayload } from '../../protocol/auth/auth-cert.ts';
import { concatBytes, fromHex } from '../../protocol/bytes.ts';
import { makeNetwork } from '../../protocol/networks.ts';
import type { AuthCert } from '../../protocol/wire/messages.ts';
import { type AuditCase, type CaseSpec, forAcceptor, forBoth, forInitiator } from '../case.ts';
import { drop, open, refusal } from '../expect.ts';
import type { Scene } from '../scene.ts';
import { connected, hello } from '../steps.ts';

/** Wrong parts of a certificate. */
interface CertOptions {
  readonly pubkey?: Uint8Array;
  readonly expiration?: bigint;
  /** Computes the bytes to sign from the correct ones: the payload of 76 bytes and its SHA-256. */
  readonly signs?: (payload: Uint8Array, digest: Uint8Array) => Uint8Array;
  /** Changes the signature. */
  readonly sig?: (signature: Uint8Array) => Uint8Array;
}

/** Our certificate with the changes of the options. */
function cert({ peer: { mock }, clock }: Scene, options: CertOptions): { readonly cert: AuthCert } {
  const { pubkey = mock.ecdh.publicKey, expiration = BigInt(Math.floor(clock.now().unixSeconds)) + 3600n } = options;
  const { signs = (_payload, digest) => digest, sig = (signature) => signature } = options;
  const payload = authCertPayload(mock.network.networkID, expiration, pubkey);
  const signature = mock.identity.sign(signs(payload, nodeCrypto.sha256(payload)));
  return { cert: { pubkey, expiration, sig: sig(signature) } };
}

/** A valid signature plus the group order: a second valid signature, for verifiers that do not check the range. */
function malleated(signature: Uint8Array): Uint8Array {
  const L = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');
  const out = signature.slice();
  let carry = 0;
  for (let i = 0; i < 32; i++) {
    const sum = (out[32 + i] as number) + (L[i] as number) + carry;
    out[32 + i] = sum & 0xff;
    carry = sum >> 8;
  }
  return out;
}

const P_MINUS_1 = `ec${'ff'.repeat(30)}7f`;
const SMALL_ORDER_KEYS: readonly (readonly [name: string, hex: string])[] = [
  ['0', '00'.repeat(32)],
  ['1', `01${'00'.repeat(31)}`],
  ['p-1', P_MINUS_1],
  ['p', `ed${P_MINUS_1.slice(2)}`],
  ['p-plus-1', `ee${P_MINUS_1.slice(2)}`],
  ['order-8-a', 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'],
  ['order-8-b', '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'],
  ['1-top-bit', `01${'00'.repeat(30)}80`],
];

const otherNetwork = makeNetwork('Another Network ; of an audit', nodeCrypto);

const FORGED = {
  source: '3.4',
  group: 'certificate',
  severity: 'critical',
  threat: 'unauthenticated acceptance',
  expect: drop({ reached: 'nothing' }),
} as const;

/** A case whose certificate must be refused. */
function forged(name: string, title: string, why: string, options: CertOptions): CaseSpec {
  return { name, title: `HELLO: ${title}`, why, ...FORGED, steps: [connected, hello(title, (scene) => cert(scene, options))] };
}

/** Cases of the group `certificate`. */
export const CERTIFICATE_CASES: readonly AuditCase[] = [
  ...forBoth(
    {
      name: 'expired-long-ago',
      title: 'HELLO: the certificate expired two hours ago',
      why: 'Certificates are valid for an hour, which limits the use of a stolen ECDH key.',
      ...FORGED,
      severity: 'high',
      steps: [connected, hello('certificate expired 7,200 s ago', { certSeconds: -7200 })],
    },
    {
      name: 'expired-just-now',
      title: 'HELLO: the certificate expired five seconds ago',
      why: 'There is no tolerance: the expiration must not be in the past. This case needs correct clocks on both sides.',
      ...FORGED,
      severity: 'low',
      steps: [connected, hello('certificate expired 5 s ago', { certSeconds: -5 })],
    },
    {
      name: 'expires-soon',
      title: 'HELLO: the certificate is valid for another five minutes',
      why: 'A certificate is valid until it expires.',
      source: '3.4',
      group: 'certificate',
      severity: 'medium',
      steps: [connected, hello('certificate expires in 300 s', { certSeconds: 300 })],
      expect: open(),
    },
    {
      name: 'expires-never',
      title: 'HELLO: the certificate expires at 2^64 - 1',
      why: 'There is no upper limit; the number needs 64 bits.',
      source: '3.4',
      group: 'certificate',
      severity: 'medium',
      steps: [connected, hello('certificate expires at 2^64 - 1', (scene) => cert(scene, { expiration: 2n ** 64n - 1n }))],
      expect: open(),
    },
    {
      name: 'expiration-in-milliseconds',
      title: 'HELLO: the expiration is in milliseconds',
      why: 'A well-known client does this, and stellar-core accepts it.',
      source: '3.4',
      group: 'certificate',
      severity: 'medium',
      steps: [
        connected,
        hello('expiration in milliseconds', (scene) =>
          cert(scene, { expiration: BigInt(Math.floor(scene.clock.now().unixSeconds)) * 1000n }),
        ),
      ],
      expect: open(),
    },
    {
      name: 'other-network',
      title: 'HELLO: the certificate is for another network',
      why: 'The network in the signature prevents the use of a certificate on another network.',
      ...FORGED,
      severity: 'high',
      steps: [connected, hello('certificate for another network', { certNetwork: otherNetwork })],
    },
    {
      name: 'whole-hello-of-another-network',
      title: 'HELLO of an honest node of another network',
      why: 'This is the most common mistake; stellar-core closes without an ERROR_MSG.',
      ...FORGED,
      severity: 'high',
      steps: [
        connected,
        hello('of another network altogether', { certNetwork: otherNetwork, networkID: fromHex(otherNetwork.networkID) }),
      ],
    },
    {
      name: 'signed-by-another',
      title: 'HELLO: the certificate is signed by another key',
      why: 'The signature proves the identity. Without it, anyone could use any identity.',
      ...FORGED,
      steps: [
        connected,
        hello('certificate signed by another key than the peerID', ({ random }) => ({
          certSignedBy: NodeIdentity.fromSeed(random(32)),
        })),
      ],
    },
    forged(
      'signed-payload',
      'the signature is over the payload, not over its hash',
      'The signature covers the SHA-256 of the payload.',
      { signs: (payload) => payload },
    ),
    forged(
      'signed-one-byte-type',
      'the envelope type in the signed payload has one byte',
      'ENVELOPE_TYPE_AUTH is an XDR enum of four bytes.',
      { signs: (payload) => nodeCrypto.sha256(concatBytes(payload.subarray(0, 32), payload.subarray(35))) },
    ),
    forged(
      'signed-another-ecdh-key',
      'the ECDH key is not the one that was signed',
      'Otherwise an attacker could replace the key in a recorded certificate and be authenticated as its owner.',
      {
        signs: (payload) => nodeCrypto.sha256(concatBytes(payload.subarray(0, 44), nodeCrypto.sha256(payload.subarray(44)))),
      },
    ),
    forged(
      'signed-another-expiration',
      'the expiration is not the one that was signed',
      'Otherwise an expired certificate could be made valid again.',
      {
        signs: (payload) => {
          const changed = payload.slice();
          changed[43] = (changed[43] as number) ^ 1;
          return nodeCrypto.sha256(changed);
        },
      },
    ),
    forged('one-bit-flipped', 'one bit of the signature is flipped', 'Every bit of a signature counts.', {
      sig: (signature) => signature.map((byte, i) => (i === 5 ? byte ^ 0x10 : byte)),
    }),
    forged('zero-signature', 'the signature is all zero', 'An unset signature must not be accepted.', {
      sig: () => new Uint8Array(64),
    }),
    forged('signature-of-63-bytes', 'the signature has 63 bytes', 'It decodes, but it is not a valid signature.', {
      sig: (signature) => signature.subarray(0, 63),
    }),
    forged('signature-of-0-bytes', 'the signature is empty', 'It decodes, but it is not a valid signature.', {
      sig: () => new Uint8Array(0),
    }),
    forged(
      'malleated-signature',
      'the signature is a valid one plus the group order',
      'Strict verification refuses it. Two valid signatures for one certificate would allow peers to evade caches and bans.',
      { sig: malleated },
    ),
  ),
  ...forAcceptor(...SMALL_ORDER_KEYS.map(smallOrder)),
  // Connections of a dialling target are rare: one key of each kind is enough.
  ...forInitiator(...SMALL_ORDER_KEYS.filter(([name]) => ['0', 'p', 'order-8-a'].includes(name)).map(smallOrder)),
  ...forBoth({
    name: 'signature-of-65-bytes',
    title: 'HELLO: the signature has 65 bytes',
    why: 'A signature has at most 64 bytes; with more, the HELLO does not decode.',
    source: '2.1',
    group: 'certificate',
    severity: 'medium',
    steps: [
      connected,
      hello('signature of 65 bytes', {}, (record) => {
        const P = new DataView(record.buffer, record.byteOffset).getUint32(64);
        const at = 148 + ((P + 3) & ~3);
        const out = concatBytes(
          record.subarray(0, at),
          Uint8Array.of(0, 0, 0, 65),
          record.subarray(at + 4, at + 68),
          new Uint8Array(4),
          record.subarray(at + 68),
        );
        new DataView(out.buffer).setUint32(0, (0x80000000 | (out.length - 4)) >>> 0);
        return out;
      }),
    ],
    expect: refusal('ERR_DATA', 'received corrupt XDR', { reached: 'nothing' }),
  }),
];

/** A certificate, honestly signed, over an ECDH key with which every shared secret is zero. */
function smallOrder([name, hex]: readonly [name: string, hex: string]): CaseSpec {
  return {
    name: `small-order-key-${name}`,
    title: `HELLO: the ECDH key is of small order (${name})`,
    why: 'With such a key the shared secret is zero, and anyone on the path can compute the MAC keys.',
    ...FORGED,
    source: '3.5',
    severity: 'high',
    steps: [connected, hello(`ECDH key ${hex}`, (scene) => cert(scene, { pubkey: fromHex(hex) }))],
  };
}
