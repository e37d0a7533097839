import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ed25519 } from '@noble/curves/ed25519.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { sodiumCrypto } from '../../../src/crypto/sodium.ts';
import { webCrypto } from '../../../src/crypto/web.ts';
import { decodePublicKey, decodeSecretSeed, encodeSecretSeed, NodeIdentity, networks } from '../../../src/index.ts';
import { toHex } from '../../../src/protocol/bytes.ts';

const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
const secretSeed = encodeSecretSeed(seed);
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'identity-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('NodeIdentity', () => {
  it('is a new one for each call of random()', () => {
    expect(new Set(Array.from({ length: 10 }, () => NodeIdentity.random().peerID)).size).toBe(10);
  });

  it('is the same from its seed, its secret seed text and its file', async () => {
    const identity = NodeIdentity.fromSeed(seed);
    await identity.writeSeedFile(join(folder, 'seed'));
    expect(identity.peerID).toMatch(/^G[A-Z2-7]{55}$/);
    expect(NodeIdentity.fromSecretSeed(secretSeed).peerID).toBe(identity.peerID);
    expect((await NodeIdentity.fromSeedFile(join(folder, 'seed'))).peerID).toBe(identity.peerID);
    expect(identity.publicKey).toEqual(decodePublicKey(identity.peerID));
  });

  it('copies its seed, and returns copies of its key', () => {
    const mine = seed.slice();
    const identity = NodeIdentity.fromSeed(mine);
    const { peerID } = identity;
    mine.fill(0);
    identity.publicKey.fill(0);
    expect(toHex(identity.publicKey)).toBe(toHex(decodePublicKey(peerID)));
    expect(identity.peerAuth(networks.testnet).identity.publicKey).toEqual(identity.publicKey);
  });

  it('writes a seed file that only its owner can read', async () => {
    const path = join(folder, 'seed');
    await NodeIdentity.fromSeed(seed).writeSeedFile(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).toBe(`${secretSeed}\n`);
    expect(decodeSecretSeed(secretSeed)).toEqual(seed);
  });

  it('never overwrites a file', async () => {
    const path = join(folder, 'seed');
    await writeFile(path, 'precious');
    await expect(NodeIdentity.random().writeSeedFile(path)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  it('ignores white space around the seed in a file', async () => {
    const path = join(folder, 'seed');
    await writeFile(path, `\r\n\t ${secretSeed} \r\n`);
    expect((await NodeIdentity.fromSeedFile(path)).peerID).toBe(NodeIdentity.fromSeed(seed).peerID);
  });

  it.each([
    ['as stellar-core gen-seed prints it', `Secret seed: ${secretSeed}\nPublic: ${NodeIdentity.fromSeed(seed).peerID}\n`],
    ['as NODE_SEED of a stellar-core.cfg', `NODE_SEED="${secretSeed} self"`],
    [
      'in a whole stellar-core.cfg',
      `# NODE_SEED="${encodeSecretSeed(new Uint8Array(32))} old"\nHTTP_PORT=0\r\nNODE_SEED = '${secretSeed}'\r\n`,
    ],
    ['after a byte order mark', `\ufeff${secretSeed}`],
  ])('reads a seed from a file %s', async (_name, content) => {
    const path = join(folder, 'seed');
    await writeFile(path, content);
    expect((await NodeIdentity.fromSeedFile(path)).peerID).toBe(NodeIdentity.fromSeed(seed).peerID);
  });

  it.each([
    ['empty', ''],
    ['a stellar-core.cfg whose seed is in another file', 'NODE_SEED="$FILE:/etc/stellar/node_seed"'],
    ['a stellar-core.cfg with two seeds', `NODE_SEED="${secretSeed}"\nOTHER="${encodeSecretSeed(new Uint8Array(32))}"`],
    ['a public key', NodeIdentity.fromSeed(seed).peerID],
    ['two seeds', `${secretSeed}\n${secretSeed}`],
    ['a mistyped seed', `${secretSeed.slice(0, -1)}${secretSeed.endsWith('A') ? 'B' : 'A'}`],
    ['a seed in lower case', secretSeed.toLowerCase()],
    ['raw bytes', '\u0000\u0001binary'],
  ])('refuses a file that is %s, and names the file but not its content', async (_name, content) => {
    const path = join(folder, 'seed');
    await writeFile(path, content);
    const error = await NodeIdentity.fromSeedFile(path).catch((reason) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(path);
    for (const word of content.split(/\s+/).filter((text) => text.length > 4)) {
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(word.slice(0, 20));
    }
  });

  it('names a missing file', async () => {
    await expect(NodeIdentity.fromSeedFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each([
    ['a text', secretSeed, TypeError],
    ['31 bytes', new Uint8Array(31), RangeError],
    ['64 bytes', new Uint8Array(64), RangeError],
    ['an undefined value', undefined, TypeError],
  ])('is not made from %s', (_name, value, kind) => {
    expect(() => NodeIdentity.fromSeed(value as Uint8Array)).toThrow(kind);
  });

  it('shows no secret in inspect, JSON or text', () => {
    const identity = NodeIdentity.fromSeed(seed);
    const peerAuth = identity.peerAuth(networks.pubnet);
    const secrets = [
      secretSeed,
      toHex(seed),
      Buffer.from(seed).toString('base64'),
      toHex(peerAuth.ecdh.unsafeExportSecret()),
      Buffer.from(peerAuth.ecdh.unsafeExportSecret()).toString('base64'),
    ];
    for (const object of [identity, peerAuth, { deep: [identity, peerAuth] }]) {
      const shown = [
        inspect(object, { depth: 20, showHidden: true, getters: true }),
        JSON.stringify(object),
        String(object),
        JSON.stringify(Object.getOwnPropertyDescriptors(object)),
      ].join('\n');
      const plain = shown.replaceAll(/[\s,]/g, '');
      for (const secret of secrets) expect(plain).not.toContain(secret);
      expect(plain).not.toContain(Array.from(seed).join(''));
    }
    expect(JSON.stringify(identity)).toBe(`{"peerID":"${identity.peerID}"}`);
  });

  it('keeps one certificate and key for each network, and makes a new key for per-connection', () => {
    const identity = NodeIdentity.random();
    expect(identity.peerAuth(networks.pubnet)).toBe(identity.peerAuth(networks.pubnet));
    expect(identity.peerAuth(networks.testnet)).not.toBe(identity.peerAuth(networks.pubnet));
    expect(identity.peerAuth(networks.testnet).ecdh.publicKey).toEqual(identity.peerAuth(networks.pubnet).ecdh.publicKey);
    const fresh = identity.peerAuth(networks.pubnet, 'per-connection');
    expect(fresh.ecdh.publicKey).not.toEqual(identity.peerAuth(networks.pubnet).ecdh.publicKey);
    expect(fresh.networkID).toBe(networks.pubnet.networkID);
  });

  it('keeps certificates and keys for each provider, with the same peerID', () => {
    const identity = NodeIdentity.fromSeed(seed);
    const [node, sodium, web] = [nodeCrypto, sodiumCrypto, webCrypto].map((crypto) =>
      identity.peerAuth(networks.pubnet, 'per-process', crypto),
    );
    expect(node).toBe(identity.peerAuth(networks.pubnet));
    expect(sodium).toBe(identity.peerAuth(networks.pubnet, undefined, sodiumCrypto));
    expect(new Set([node, sodium, web]).size).toBe(3);
    expect([sodium?.peerID, web?.peerID]).toEqual([identity.peerID, identity.peerID]);
  });

  it('makes signatures that any provider verifies', () => {
    const identity = NodeIdentity.fromSeed(seed);
    const message = Uint8Array.of(1, 2, 3);
    const signature = identity.sign(message);
    expect(signature).toEqual(ed25519.sign(message, seed));
    for (const crypto of [nodeCrypto, sodiumCrypto, webCrypto]) {
      expect(crypto.verify(identity.publicKey, message, signature)).toBe(true);
      expect(crypto.verify(identity.publicKey, Uint8Array.of(1, 2, 4), signature)).toBe(false);
    }
  });
});
