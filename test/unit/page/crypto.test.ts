/** The page’s cryptography is the package’s: same vectors, same refusals. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { webCrypto } from '../../../page/model/crypto.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { authCertPayload, verifyAuthCert } from '../../../src/protocol/auth/auth-cert.ts';
import { deriveMacKeys, deriveSharedKey } from '../../../src/protocol/auth/key-schedule.ts';
import { concatBytes, fromHex, toHex } from '../../../src/protocol/bytes.ts';
import { readMessage } from '../../../src/protocol/wire/authenticated-message.ts';
import { bytes } from '../../property/arbitraries.ts';
import { bodyOf, transcripts, vectors } from '../../support/vectors.ts';

describe.each(vectors.handshakes.map((handshake) => [handshake.id, handshake] as const))('vectors %s', (_id, handshake) => {
  const { A, B, keySchedule, transcript, networkIdHex } = handshake;

  it('identity, ECDH key, payload, digest and signature of either side', () => {
    for (const side of [A, B]) {
      const identity = webCrypto.signingKey(fromHex(side.seedHex));
      const ecdh = webCrypto.ecdhKey(fromHex(side.ecdhSecretHex));
      expect([toHex(identity.publicKey), toHex(ecdh.publicKey)]).toEqual([side.publicKeyHex, side.ecdhPublicHex]);
      const payload = authCertPayload(fromHex(networkIdHex), BigInt(side.hello.certExpiration), ecdh.publicKey);
      const digest = webCrypto.sha256(payload);
      expect([toHex(payload), toHex(digest)]).toEqual([side.cert.signedPayloadHex, side.cert.payloadSha256Hex]);
      expect(toHex(identity.sign(digest))).toBe(side.cert.signatureHex);
      expect(webCrypto.verify(identity.publicKey, digest, fromHex(side.cert.signatureHex))).toBe(true);
    }
  });

  it('the key schedule', () => {
    const q = webCrypto.ecdhKey(fromHex(A.ecdhSecretHex)).sharedSecret(fromHex(B.ecdhPublicHex)) as Uint8Array;
    expect(toHex(q)).toBe(keySchedule.sharedSecretHex);
    expect(webCrypto.ecdhKey(fromHex(B.ecdhSecretHex)).sharedSecret(fromHex(A.ecdhPublicHex))).toEqual(q);
    const sharedKey = deriveSharedKey(webCrypto, q, { a: fromHex(A.ecdhPublicHex), b: fromHex(B.ecdhPublicHex) });
    expect(toHex(sharedKey)).toBe(keySchedule.sharedKeyHex);
    const keys = deriveMacKeys(webCrypto, sharedKey, { a: fromHex(A.nonceHex), b: fromHex(B.nonceHex) });
    expect([toHex(keys.K_AB), toHex(keys.K_BA)]).toEqual([keySchedule.macKeyABHex, keySchedule.macKeyBAHex]);
  });

  it('the MACs', () => {
    for (const { from, macInputHex, macHex } of transcript.filter(({ authenticated }) => authenticated)) {
      const key = webCrypto.macKey(fromHex(from === 'A' ? keySchedule.macKeyABHex : keySchedule.macKeyBAHex));
      const input = fromHex(macInputHex ?? '');
      const sealed = concatBytes(input, new Uint8Array(32));
      key.seal(sealed, 0, input.length);
      expect(toHex(sealed.subarray(input.length))).toBe(macHex);
      expect(key.verify(sealed, 0, input.length)).toBe(true);
      sealed[0] = (sealed[0] as number) ^ 1;
      expect(key.verify(sealed, 0, input.length)).toBe(false);
    }
  });
});

describe('what strict verification refuses', () => {
  it('the forgery that fits every message, malleated and torsioned signatures, as the package does', () => {
    const cases = vectors.hostile.filter(({ name }) => /forgery|malleat|small-order|signature|cert/i.test(name));
    expect(cases.length).toBeGreaterThan(8);
    for (const { name, sendFramesHex } of cases) {
      const body = bodyOf(sendFramesHex[0] as string);
      let hello: ReturnType<typeof readMessage>;
      try {
        hello = readMessage(body);
      } catch {
        continue;
      }
      if (hello.type !== 'HELLO') continue;
      const networkID = fromHex(vectors.handshakes[0].networkIdHex);
      const [ours, theirs] = [webCrypto, nodeCrypto].map((crypto) => verifyAuthCert(crypto, hello.peerID, networkID, hello.cert));
      expect([name, ours]).toEqual([name, theirs]);
    }
  });

  it('agrees with the package on signatures with any bit flipped', () => {
    fc.assert(
      fc.property(bytes(32), bytes(40), fc.nat((64 + 32 + 40) * 8 - 1), fc.boolean(), (seed, message, bit, flips) => {
        const key = nodeCrypto.signingKey(seed);
        const all = concatBytes(key.sign(message), key.publicKey, message);
        if (flips) all[bit >> 3] = (all[bit >> 3] as number) ^ (1 << (bit & 7));
        const args = [all.slice(64, 96), all.slice(96), all.slice(0, 64)] as const;
        expect(webCrypto.verify(...args)).toBe(nodeCrypto.verify(...args));
        expect(webCrypto.verify(...args)).toBe(!flips);
      }),
      { numRuns: 25 },
    );
  });

  it('small-order X25519 keys give no secret', () => {
    const secret = webCrypto.ecdhKey(new Uint8Array(32).fill(5));
    for (const hex of [
      '00'.repeat(32),
      `01${'00'.repeat(31)}`,
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    ])
      expect(secret.sharedSecret(fromHex(hex))).toBeUndefined();
  });
});

it('the certs of stellar-core’s recorded HELLOs are good', () => {
  for (const [, { core, network }] of transcripts) {
    if (core === null) continue;
    const { hello } = core;
    const cert = {
      pubkey: fromHex(hello.ecdhPublicHex),
      expiration: BigInt(hello.certExpiration),
      sig: fromHex(hello.certSignatureHex),
    };
    expect(verifyAuthCert(webCrypto, core.peerIdStrKey, fromHex(network.networkIdHex), cert)).toBe(true);
  }
});
