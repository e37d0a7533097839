/**
 * The key schedule as a graph: every value with its inputs, back to two seeds, two ECDH secrets and two nonces.
 * @module
 */

import { webCrypto } from '../../src/crypto/web.ts';
import type { Picture, Side } from '../../src/explain/picture.ts';
import { authCertPayload } from '../../src/protocol/auth/auth-cert.ts';
import { deriveMacKeys, deriveSharedKey } from '../../src/protocol/auth/key-schedule.ts';
import { fromHex, toHex } from '../../src/protocol/bytes.ts';
import { MAC_BYTES, SEQUENCE_OFFSET } from '../../src/protocol/constants.ts';
import { decodePublicKey, encodePublicKey, encodeSecretSeed } from '../../src/protocol/strkey.ts';
import type { Hello } from '../../src/protocol/wire/messages.ts';
import { recordsOf, type WireRecord } from './record.ts';
import { helloOf } from './witness.ts';

/** The column of a value: of A, of both, or of B. */
export type Column = Side | 'both';

/** A value of the key schedule. */
export interface KeyNode {
  readonly id: string;
  readonly label: string;
  readonly column: Column;
  readonly row: number;
  readonly isSecret: boolean;
  /** Hex; undefined when it is not known here. */
  readonly value: string | undefined;
  /** The value in another notation. */
  readonly text?: string | undefined;
  /** Its meaning in a sentence. */
  readonly what: string;
  /** Its formula as text; undefined for random values. */
  readonly formula: string | undefined;
  /** Its inputs, in the order of the formula; other bytes are constants. */
  readonly inputs: readonly KeyInput[];
}

/** A part of a formula: another value, or constant bytes. */
export interface KeyInput {
  readonly label: string;
  /** The node it is; undefined for a constant. */
  readonly from: string | undefined;
  readonly value: string | undefined;
}

/** Rows of the graph. */
export const KEY_ROWS = 11;

/** The graph of a picture. A node whose bytes have not been received has no value. */
export function keyGraph(picture: Picture): readonly KeyNode[] {
  return new Schedule(picture).nodes;
}

/** All inputs of a value, and the value itself. */
export function ancestry(nodes: readonly KeyNode[], id: string): ReadonlySet<string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const found = new Set<string>();
  const waiting = [id];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    for (const { from } of byId.get(next)?.inputs ?? []) if (from !== undefined) waiting.push(from);
  }
  return found;
}

const NAME = { A: 'A, who dialled', B: 'B, who accepted' } as const;

class Schedule {
  readonly nodes: KeyNode[] = [];
  readonly #picture: Picture;
  readonly #hello: Readonly<Record<Side, Hello | undefined>>;

  constructor(picture: Picture) {
    this.#picture = picture;
    this.#hello = { A: helloOf(picture, 'A'), B: helloOf(picture, 'B') };
    this.#side('A');
    this.#side('B');
    this.#shared();
    this.#macs();
  }

  #add(node: Omit<KeyNode, 'inputs'>, inputs: readonly (string | readonly [label: string, hex: string])[] = []): void {
    const resolved = inputs.map((input): KeyInput => {
      if (typeof input !== 'string') return { label: input[0], from: undefined, value: input[1] };
      const found = this.nodes.find(({ id }) => id === input);
      return { label: found?.label ?? input, from: input, value: found?.value };
    });
    this.nodes.push({ ...node, inputs: resolved });
  }

  #value(id: string): Uint8Array | undefined {
    const value = this.nodes.find((node) => node.id === id)?.value;
    return value === undefined ? undefined : fromHex(value);
  }

  #side(side: Side): void {
    const hello = this.#hello[side];
    const secrets = this.#picture.secrets[side];
    const at = (row: number): Pick<KeyNode, 'column' | 'row'> => ({ column: side, row });
    const who = NAME[side];
    const seed = secrets?.seed;
    this.#add({
      ...{ id: `seed${side}`, label: `seed ${side}`, ...at(0), isSecret: true, value: seed, formula: undefined },
      text: seed && encodeSecretSeed(fromHex(seed)),
      what: `32 random bytes in the configuration of ${who}.`,
    });
    const publicKey = hello && decodePublicKey(hello.peerID);
    this.#add(
      {
        ...{ id: `identity${side}`, label: `peerID ${side}`, ...at(1), isSecret: false },
        value: publicKey && toHex(publicKey),
        text: publicKey && encodePublicKey(publicKey),
        what: `The signing key of ${who}: its identity on the network.`,
        formula: 'ed25519 public key of the seed',
      },
      [`seed${side}`],
    );
    this.#add({
      ...{ id: `secret${side}`, label: `ECDH secret ${side}`, ...at(2), isSecret: true, value: secrets?.ecdhSecret },
      what: `32 random bytes, by default one for the life of the process of ${who}.`,
      formula: undefined,
    });
    this.#add(
      {
        ...{ id: `pub${side}`, label: `pub${side}`, ...at(3), isSecret: false, value: hello && toHex(hello.cert.pubkey) },
        what: `The ECDH key that ${who} sends in its certificate.`,
        formula: 'X25519(ECDH secret, base point 9)',
      },
      [`secret${side}`],
    );
    const payload = hello && authCertPayload(toHex(hello.networkID), hello.cert.expiration, hello.cert.pubkey);
    const hex = payload && toHex(payload);
    this.#add(
      {
        ...{ id: `payload${side}`, label: 'cert payload', ...at(4), isSecret: false, value: hex },
        what: 'What the certificate signs, 76 bytes. The verifier puts its own networkID first, never the one in HELLO.',
        formula: 'networkID || 00000003 || expiration || ECDH key',
      },
      [
        ['networkID', hex?.slice(0, 64) ?? ''],
        ['ENVELOPE_TYPE_AUTH', '00000003'],
        ['expiration', hex?.slice(72, 88) ?? ''],
        `pub${side}`,
      ],
    );
    this.#add(
      {
        ...{ id: `digest${side}`, label: 'digest', ...at(5), isSecret: false },
        value: payload && toHex(webCrypto.sha256(payload)),
        what: 'What is signed: 32 bytes.',
        formula: 'SHA-256(cert payload)',
      },
      [`payload${side}`],
    );
    this.#add(
      {
        ...{ id: `sig${side}`, label: 'signature', ...at(6), isSecret: false, value: hello && toHex(hello.cert.sig) },
        what: `The identity of ${who} signs its ECDH key, for one network and one hour.`,
        formula: 'ed25519(seed, digest)',
      },
      [`seed${side}`, `digest${side}`],
    );
    this.#add({
      ...{ id: `nonce${side}`, label: `nonce${side}`, ...at(7), isSecret: false, value: hello && toHex(hello.nonce) },
      what: `32 random bytes that ${who} made for this connection. They make the MAC keys different each time.`,
      formula: undefined,
    });
  }

  #shared(): void {
    const [a, b] = [this.#hello.A, this.#hello.B];
    const q = this.#q();
    const publicKeys = a && b && { a: a.cert.pubkey, b: b.cert.pubkey };
    this.#add(
      {
        ...{ id: 'q', label: 'q', column: 'both', row: 4, isSecret: true, value: q && toHex(q) },
        what: 'The X25519 result. Both sides get the same from their own secret and the other’s public key; all zero is refused.',
        formula: 'X25519(own ECDH secret, ECDH key of the other)',
      },
      ['secretA', 'pubB', 'secretB', 'pubA'],
    );
    const sharedKey = q && publicKeys && deriveSharedKey(webCrypto, q, publicKeys);
    this.#add(
      {
        ...{ id: 'shared', label: 'shared key', column: 'both', row: 6, isSecret: true, value: sharedKey && toHex(sharedKey) },
        what: 'HKDF-Extract without salt. The key of the side that dialled comes first on both sides.',
        formula: 'HMAC-SHA256(32 zero bytes, q || pubA || pubB)',
      },
      [['key', '00'.repeat(32)], 'q', 'pubA', 'pubB'],
    );
    const nonces = a && b && { a: a.nonce, b: b.nonce };
    const derived = sharedKey && nonces && deriveMacKeys(webCrypto, sharedKey, nonces);
    for (const key of ['K_AB', 'K_BA'] as const) {
      const sender = key === 'K_AB' ? 'A' : 'B';
      const [first, second] = sender === 'A' ? ['nonceA', 'nonceB'] : ['nonceB', 'nonceA'];
      const known = derived === undefined ? this.#picture.secrets.macKeys?.[key] : toHex(derived[key]);
      this.#add(
        {
          ...{ id: key, label: key, column: sender, row: 9, isSecret: true, value: known },
          what: `The MAC key of everything ${sender} sends: HKDF-Expand, one block. The sender’s nonce comes first.`,
          formula: `HMAC-SHA256(shared key, ${sender === 'A' ? '00' : '01'} || ${first} || ${second} || 01)`,
        },
        ['shared', ['direction', sender === 'A' ? '00' : '01'], first, second, ['counter', '01']],
      );
    }
  }

  /** It can be computed with the secret of either side. */
  #q(): Uint8Array | undefined {
    for (const [own, other] of [
      ['A', 'B'],
      ['B', 'A'],
    ] as const) {
      const secret = this.#value(`secret${own}`);
      const remote = this.#hello[other]?.cert.pubkey;
      if (secret !== undefined && remote !== undefined) return webCrypto.ecdhKey(secret).sharedSecret(remote);
    }
    return undefined;
  }

  /** A note about a MAC that differs from the formula, or cannot be verified. */
  #verdict(key: 'K_AB' | 'K_BA', { body, mac }: WireRecord): string {
    const known = this.#value(key);
    const isGood =
      known === undefined ? mac === 'good' : webCrypto.macKey(known).verify(body, SEQUENCE_OFFSET, body.length - MAC_BYTES);
    if (isGood) return '';
    return known !== undefined || mac === 'bad'
      ? ' The received one is bad: the formula gives another value.'
      : ' The received one is not verified: no keys.';
  }

  /** The first MAC of either side: that of its AUTH. */
  #macs(): void {
    const records = recordsOf(this.#picture);
    for (const side of ['A', 'B'] as const) {
      const key = side === 'A' ? 'K_AB' : 'K_BA';
      const auth: WireRecord | undefined = records.find(({ from, type }) => from === side && type === 'AUTH');
      const input = auth && auth.body.length > MAC_BYTES ? auth.body.subarray(SEQUENCE_OFFSET, -MAC_BYTES) : undefined;
      this.#add(
        {
          ...{ id: `mac${side}`, label: 'MAC of AUTH', column: side, row: 10, isSecret: false },
          value: auth && toHex(auth.body.subarray(-MAC_BYTES)),
          what: `The first MAC of ${NAME[side]}. Only the holder of the ECDH secret whose key the identity has signed can make it.${auth === undefined ? '' : this.#verdict(key, auth)}`,
          formula: `HMAC-SHA256(${key}, sequence || AUTH message)`,
        },
        [key, ['sequence || message', input === undefined ? '' : toHex(input)]],
      );
    }
  }
}

/** One line of the comparison of both ends. */
export interface Mirror {
  readonly what: string;
  readonly initiator: readonly MirrorPart[];
  readonly acceptor: readonly MirrorPart[];
}

/** A part of a formula as one end sees it. `owner`: whose value it is. */
export interface MirrorPart {
  readonly text: string;
  readonly owner?: Side;
}

const part = (text: string, owner?: Side): MirrorPart => (owner === undefined ? { text } : { text, owner });

/** The formulas as each end writes them: implementers often get this order wrong. */
export const MIRRORS: readonly Mirror[] = [
  {
    what: 'q',
    initiator: [part('own secret', 'A'), part('peer’s key', 'B')],
    acceptor: [part('own secret', 'B'), part('peer’s key', 'A')],
  },
  {
    what: 'shared key input',
    initiator: [part('q'), part('own key', 'A'), part('peer’s key', 'B')],
    acceptor: [part('q'), part('peer’s key', 'A'), part('own key', 'B')],
  },
  {
    what: 'K_AB input',
    initiator: [part('00'), part('own nonce', 'A'), part('peer’s nonce', 'B'), part('01')],
    acceptor: [part('00'), part('peer’s nonce', 'A'), part('own nonce', 'B'), part('01')],
  },
  {
    what: 'K_BA input',
    initiator: [part('01'), part('peer’s nonce', 'B'), part('own nonce', 'A'), part('01')],
    acceptor: [part('01'), part('own nonce', 'B'), part('peer’s nonce', 'A'), part('01')],
  },
  { what: 'sends with', initiator: [part('K_AB', 'A')], acceptor: [part('K_BA', 'B')] },
  { what: 'receives with', initiator: [part('K_BA', 'B')], acceptor: [part('K_AB', 'A')] },
];
