import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { NodeIdentity } from '../../../src/net/identity.ts';
import type { CryptoProvider, MacKey } from '../../../src/protocol/auth/crypto.ts';
import { fromHex, toHex } from '../../../src/protocol/bytes.ts';
import type { HandshakeStep } from '../../../src/protocol/handshake/steps.ts';
import { networks } from '../../../src/protocol/networks.ts';
import { decodeSecretSeed } from '../../../src/protocol/strkey.ts';
import { Bench, optionsOf, peerAuthOf, pubnet1 } from '../../support/vectors.ts';

const { A, keySchedule } = pubnet1;
const SECRETS = [
  A.seedHex,
  A.ecdhSecretHex,
  A.ecdhSecretClampedHex,
  keySchedule.sharedSecretHex,
  keySchedule.sharedKeyHex,
  keySchedule.macKeyABHex,
  keySchedule.macKeyBAHex,
];

/** A value in every text form, with all bytes converted to hex. */
function shown(value: unknown): string {
  const text = inspect(value, { depth: Infinity, showHidden: true, getters: true, maxArrayLength: null, maxStringLength: null });
  const json = JSON.stringify(value, (_key, field) => (typeof field === 'bigint' ? String(field) : field)) ?? '';
  const bytesIn = (list: string) =>
    list.replace(/(?:\d{1,3}[,\s]+){31}\d{1,3}/g, (run) => toHex(Uint8Array.from(run.match(/\d+/g) ?? [], Number)));
  const fromJson = json.replace(/"\d+":(\d+)/g, '$1');
  return [text, json, bytesIn(text), bytesIn(fromJson), String(value)].join('\n');
}

function expectNoSecret(value: unknown): void {
  const text = shown(value);
  for (const secret of SECRETS) expect(text).not.toContain(secret);
  expect(text).not.toContain(A.seedStrKey);
}

describe('the secrets of a connection', () => {
  it('would be found by this test as bytes, in an object, or in a Buffer', () => {
    for (const secret of [fromHex(A.seedHex), { deep: [{ seed: fromHex(A.seedHex) }] }, Buffer.from(A.seedHex, 'hex')]) {
      expect(shown(secret)).toContain(A.seedHex);
    }
  });

  it('are not shown by a peer in any state, its events and its errors', () => {
    const bench = new Bench('A');
    expectNoSecret(bench.peer);
    const events = bench.feed(bench.other.hello(), bench.other.seal({ type: 'AUTH', flags: 200 }));
    expectNoSecret(bench.peer);
    expectNoSecret(events);
    bench.feed(bench.other.plain({ type: 'GET_SCP_STATE', ledgerSeq: 1 }));
    expectNoSecret(bench.peer);
    expectNoSecret(bench.error);
  });

  it('are not shown by options, PeerAuth, keys and identity', () => {
    const peerAuth = peerAuthOf(pubnet1, 'A');
    peerAuth.sharedKey('WE_CALLED_REMOTE', fromHex(pubnet1.B.ecdhPublicHex));
    expectNoSecret(peerAuth);
    expectNoSecret(peerAuth.identity);
    expectNoSecret(peerAuth.ecdh);
    expectNoSecret(optionsOf(pubnet1, 'A'));
    const identity = NodeIdentity.fromSeed(fromHex(A.seedHex));
    identity.peerAuth(networks.pubnet);
    expectNoSecret(identity);
    expect(shown(identity)).toContain(A.publicKeyStrKey);
  });

  it('are not shown by the steps of a handshake, except with unsafeStepSecrets', () => {
    const play = (unsafeStepSecrets: boolean | undefined) => {
      const steps: HandshakeStep[] = [];
      const bench = new Bench('A', { onStep: (step) => steps.push(step), unsafeStepSecrets });
      bench.feed(bench.other.hello(), bench.other.seal({ type: 'AUTH', flags: 200 }));
      return steps;
    };
    for (const unsafe of [undefined, false]) {
      expectNoSecret(play(unsafe));
      expect(play(unsafe).some((step) => 'secrets' in step)).toBe(false);
    }
    const told = shown(play(true));
    for (const secret of SECRETS.filter((value) => value !== A.ecdhSecretClampedHex)) expect(told).toContain(secret);
  });

  it('are not shown by the error for a mistyped seed', () => {
    const mistyped = `${A.seedStrKey.slice(0, 20)}${A.seedStrKey[20] === 'A' ? 'B' : 'A'}${A.seedStrKey.slice(21)}`;
    for (const text of [mistyped, A.seedStrKey.slice(1), `${A.seedStrKey}A`, A.seedStrKey.toLowerCase()]) {
      let error: unknown;
      try {
        decodeSecretSeed(text);
      } catch (caught) {
        error = caught;
      }
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).not.toContain(text.slice(0, 10));
    }
  });

  it('are not used after the end: the connection handles and sends nothing', () => {
    const bench = Bench.authenticated('A');
    bench.peer.close('OVERLAY_CLOSED');
    bench.peer.release({ type: 'UNKNOWN', typeNumber: 99, xdr: new Uint8Array(4) });
    expect(bench.feed(bench.other.seal({ type: 'GET_SCP_STATE', ledgerSeq: 1 }))).toEqual([]);
    expect(bench.sent()).toEqual([]);
  });

  it.each<[string, (bench: Bench) => void]>([
    ['we close it', ({ peer }) => void peer.close('OVERLAY_CLOSED')],
    ['the peer refuses it', (bench) => bench.feed(bench.other.plain({ type: 'ERROR_MSG', code: 'ERR_MISC', msg: '' }))],
    ['a record has a wrong MAC', (bench) => bench.feed(bench.other.plain({ type: 'GET_SCP_STATE', ledgerSeq: 1 }))],
  ])('include MAC keys of which no second copy is kept, and which throw after the end: %s', (_name, end) => {
    const copies: Uint8Array[] = [];
    const keys: MacKey[] = [];
    const crypto: CryptoProvider = {
      ...nodeCrypto,
      macKey(bytes) {
        const key = nodeCrypto.macKey(bytes);
        copies.push(bytes);
        keys.push(key);
        return key;
      },
    };
    const bench = Bench.authenticated('A', { crypto });
    expect(copies.map(toHex)).toEqual(['00'.repeat(32), '00'.repeat(32)]);
    const sealed = new Uint8Array(40);
    for (const key of keys) key.seal(sealed, 0, 8);
    end(bench);
    expect(bench.error.code).not.toBe('OVERLAY_INTERNAL');
    for (const key of keys) {
      expect(() => key.seal(sealed, 0, 8)).toThrow('the MAC key has been wiped');
      expect(() => key.verify(sealed, 0, 8)).toThrow('the MAC key has been wiped');
    }
  });
});
