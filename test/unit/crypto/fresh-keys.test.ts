import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { freshEcdhKey, freshSigningKey, nodeCrypto } from '../../../src/crypto/node.ts';

const NODE_TS = new URL('../../../src/crypto/node.ts', import.meta.url).href;

describe('a fresh key', () => {
  it('signs like a key made from its seed, and differs from other fresh keys', () => {
    const [one, other] = [freshSigningKey(), freshSigningKey()];
    const message = new Uint8Array(32).fill(7);
    expect(nodeCrypto.verify(one.publicKey, message, one.sign(message))).toBe(true);
    expect(nodeCrypto.verify(other.publicKey, message, one.sign(message))).toBe(false);
    const again = nodeCrypto.signingKey(one.unsafeExportSeed());
    expect([again.publicKey, again.sign(message)]).toEqual([one.publicKey, one.sign(message)]);
  });

  it('gives the shared secret of a key made from its secret, and differs from other fresh keys', () => {
    const [one, other] = [freshEcdhKey(), freshEcdhKey()];
    expect(one.sharedSecret(other.publicKey)).toEqual(other.sharedSecret(one.publicKey));
    expect(one.publicKey).not.toEqual(other.publicKey);
    const again = nodeCrypto.ecdhKey(one.unsafeExportSecret());
    expect([again.publicKey, again.sharedSecret(other.publicKey)]).toEqual([one.publicKey, one.sharedSecret(other.publicKey)]);
  });

  it('can be made 6,000 times in a process that then ends by itself', () => {
    const script = `
      import { freshEcdhKey, freshSigningKey } from ${JSON.stringify(NODE_TS)};
      let bytes = 0;
      for (let i = 0; i < 6_000; i++) bytes += freshEcdhKey().publicKey.length + freshSigningKey().publicKey.length;
      process.exitCode = bytes === 384_000 ? 0 : 1;
    `;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const { status, signal } = spawnSync(process.execPath, args, { timeout: 60_000, killSignal: 'SIGKILL', stdio: 'inherit' });
    expect([status, signal]).toEqual([0, null]);
  }, 90_000);
});
