/** Verifies MACs in each way, in turns. For a requested size, it answers with the microseconds of each way. */
import { createHash, createHmac, createSecretKey, hash } from 'node:crypto';
import { HmacSha256Key } from '../../src/crypto/hmac-sha256.ts';
import { cpuSince, serve } from '../support/child.ts';

const key = new Uint8Array(32).fill(7);
const secret = createSecretKey(key);
const ours = new HmacSha256Key(key);
const inner = Buffer.alloc(64, 0x36 ^ 7).fill(0x36, 32);
const outer = Buffer.alloc(96, 0x5c ^ 7).fill(0x5c, 32);
const innerState = createHash('sha256').update(inner);
const outerState = createHash('sha256').update(outer.subarray(0, 64));
const joined = Buffer.alloc(64 + 0x100000);
joined.set(inner);

type Way = (bytes: Uint8Array, length: number) => boolean;

const WAYS: Readonly<Record<string, Way>> = {
  ours: (bytes, length) => ours.verify(bytes, 0, length),
  'createHmac(KeyObject)': (bytes, length) =>
    same(createHmac('sha256', secret).update(bytes.subarray(0, length)).digest(), bytes, length),
  'createHmac(bytes)': (bytes, length) =>
    same(createHmac('sha256', key).update(bytes.subarray(0, length)).digest(), bytes, length),
  'two crypto.hash': (bytes, length) => {
    joined.set(bytes.subarray(0, length), 64);
    outer.set(hash('sha256', joined.subarray(0, 64 + length), 'buffer'), 64);
    return same(hash('sha256', outer, 'buffer'), bytes, length);
  },
  'two copied createHash': (bytes, length) => {
    const digest = innerState.copy().update(bytes.subarray(0, length)).digest();
    return same(outerState.copy().update(digest).digest(), bytes, length);
  },
};

function same(mac: Uint8Array, bytes: Uint8Array, at: number): boolean {
  let difference = 0;
  for (let i = 0; i < 32; i++) difference |= (mac[i] as number) ^ (bytes[at + i] as number);
  return difference === 0;
}

serve(({ size, only }: { size: number; only?: string }) => {
  const bytes = new Uint8Array(size + 32);
  ours.seal(bytes, 0, size);
  const count = Math.max(10, Math.min(10_000, Math.floor(1e7 / (size + 1000))));
  const micros: Record<string, number> = {};
  for (const [name, way] of Object.entries(WAYS)) {
    if (only !== undefined && name !== only) continue;
    const mark = process.cpuUsage();
    for (let i = 0; i < count; i++) if (!way(bytes, size)) throw new Error(name);
    micros[name] = cpuSince(mark) / count;
  }
  return micros;
});
