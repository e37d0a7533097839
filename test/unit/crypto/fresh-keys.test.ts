import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { freshEcdhKey, freshSigningKey, nodeCrypto } from '../../../src/crypto/node.ts';

const NODE_TS = new URL('../../../src/crypto/node.ts', import.meta.url).href;

describe('a fresh key', () => {
  it('signs like one of its seed, and no two are the same', () => {
    const [one, other] = [freshSigningKey(), freshSigningKey()];
    const message = new Uint8Array(32).fill(7);
    expect(nodeCrypto.verify(one.publicKey, message, one.sign(message))).toBe(true);
    expect(nodeCrypto.verify(other.publicKey, message, one.sign(message))).toBe(false);
    const again = nodeCrypto.signingKey(one.unsafeExportSeed());
    expect([again.publicKey, again.sign(message)]).toEqual([one.publicKey, one.sign(message)]);
  });

  it('agrees on a secret like one of its secret, and no two are the same', () => {
    const [one, other] = [freshEcdhKey(), freshEcdhKey()];
    expect(one.sharedSecret(other.publicKey)).toEqual(other.sharedSecret(one.publicKey));
    expect(one.publicKey).not.toEqual(other.publicKey);
    const again = nodeCrypto.ecdhKey(one.unsafeExportSecret());
    expect([again.publicKey, again.sharedSecret(other.publicKey)]).toEqual([one.publicKey, one.sharedSecret(other.publicKey)]);
  });

  it('is made by the thousand in a process of its own, which ends', () => {
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
