import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Keypair, StrKey, xdr } from '@stellar/stellar-base';
import { decode as decodeToJson, encode as encodeFromJson, initSync } from '@stellar/stellar-xdr-json';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { fromHex, toHex } from '../../src/protocol/bytes.ts';
import { MESSAGE_OFFSET } from '../../src/protocol/constants.ts';
import { decodePublicKey, decodeSecretSeed, encodePublicKey, encodeSecretSeed } from '../../src/protocol/strkey.ts';
import { checkAuthenticatedMessage, messageXdr, readMessage } from '../../src/protocol/wire/authenticated-message.ts';
import { stellarMessage } from '../../src/protocol/wire/messages.ts';
import { XdrError, XdrReader } from '../../src/protocol/xdr/reader.ts';
import { bytes, damage, damaged, encode, messageOf, TYPES } from '../property/arbitraries.ts';
import { bodyOf, transcripts, vectors } from '../support/vectors.ts';

const MESSAGES: readonly (readonly [name: string, xdrHex: string])[] = [
  ...vectors.messages.map(({ type, stellarMessageHex }, i) => [`message ${i}, ${type}`, stellarMessageHex] as const),
  ...vectors.handshakes.flatMap(({ id, transcript }) =>
    transcript.map(({ message, stellarMessageHex }, i) => [`${id} ${i}, ${message}`, stellarMessageHex] as const),
  ),
];

const RECORDS = transcripts
  .filter(([name]) => !name.includes('corrupt-xdr'))
  .map(([name, { records }]) => [name, records.map(({ frameHex }) => frameHex)] as const);

/** Types whose payload is not decoded here. The other implementations decode it, and refuse arbitrary bytes. */
const LEDGER_TYPES: readonly string[] = ['TX_SET', 'TRANSACTION', 'GENERALIZED_TX_SET'];

beforeAll(() => {
  const entry = createRequire(import.meta.url).resolve('@stellar/stellar-xdr-json/package.json');
  initSync(readFileSync(new URL('stellar_xdr_json_bg.wasm', `file://${entry}`)));
});

/** Reads and writes with the JavaScript SDK. */
function throughBase(type: 'StellarMessage' | 'AuthenticatedMessage', hex: string): string {
  return xdr[type].fromXDR(Buffer.from(hex, 'hex')).toXDR('hex');
}

/** Reads and writes with the Rust XDR. */
function throughRust(type: 'StellarMessage' | 'AuthenticatedMessage', hex: string): string {
  const json = decodeToJson(type, Buffer.from(hex, 'hex').toString('base64'));
  return Buffer.from(encodeFromJson(type, json), 'base64').toString('hex');
}

describe('the messages of the vectors are equal in three XDR implementations', () => {
  it.each(MESSAGES)('%s', (_name, hex) => {
    expect(toHex(encode(stellarMessage.read(new XdrReader(fromHex(hex)))))).toBe(hex);
    expect(throughBase('StellarMessage', hex)).toBe(hex);
    expect(throughRust('StellarMessage', hex)).toBe(hex);
  });
});

describe('recorded records are equal in three XDR implementations', () => {
  it.each(RECORDS)('%s', (_name, frames) => {
    for (const frame of frames) {
      const body = bodyOf(frame);
      checkAuthenticatedMessage(body, false);
      expect(toHex(encode(readMessage(body)))).toBe(toHex(messageXdr(body)));
      expect(throughBase('AuthenticatedMessage', toHex(body))).toBe(toHex(body));
      expect(throughRust('AuthenticatedMessage', toHex(body))).toBe(toHex(body));
    }
  });
});

it('the StellarMessage is found at byte 12 of a record body, where the other two implementations find it', () => {
  expect(MESSAGE_OFFSET).toBe(12);
  const [[, frames] = ['', []]] = RECORDS;
  expect(frames.length).toBeGreaterThan(3);
  for (const body of frames.map(bodyOf)) {
    const message = toHex(messageXdr(body));
    expect(xdr.AuthenticatedMessage.fromXDR(Buffer.from(body)).v0().message().toXDR('hex')).toBe(message);
    const { v0 } = JSON.parse(decodeToJson('AuthenticatedMessage', Buffer.from(body).toString('base64')));
    expect(Buffer.from(encodeFromJson('StellarMessage', JSON.stringify(v0.message)), 'base64').toString('hex')).toBe(message);
  }
});

describe('a message made by the test', () => {
  it.each(TYPES.filter((type) => !LEDGER_TYPES.includes(type)))('%s is read by the other two implementations', (type) => {
    fc.assert(
      fc.property(messageOf(type), (message) => {
        // The other two know no error code beyond the five.
        if (message.type === 'ERROR_MSG' && typeof message.code === 'number') return;
        const hex = toHex(encode(message));
        expect(throughBase('StellarMessage', hex)).toBe(hex);
        expect(throughRust('StellarMessage', hex)).toBe(hex);
      }),
      { numRuns: 40 },
    );
  });

  it.each(TYPES.filter((type) => !LEDGER_TYPES.includes(type) && type !== 'ERROR_MSG'))(
    '%s with damage is refused exactly when the other implementations refuse it',
    (type) => {
      fc.assert(
        fc.property(messageOf(type), damage, (message, how) => {
          const xdrBytes = damaged(encode(message), how);
          // The damage may have changed the type.
          const number = xdrBytes.length < 4 ? -1 : new XdrReader(xdrBytes).int32();
          if (number === 0 || number === 7 || number === 8 || number === 17) return;
          const accepted = (read: () => unknown): boolean => {
            try {
              read();
              return true;
            } catch {
              return false;
            }
          };
          const hex = toHex(xdrBytes);
          const here = accepted(() => {
            const reader = new XdrReader(xdrBytes);
            stellarMessage.read(reader);
            reader.expectEnd();
          });
          const verdicts = [
            here,
            accepted(() => throughBase('StellarMessage', hex)),
            accepted(() => throughRust('StellarMessage', hex)),
          ];
          expect(`${hex} ${verdicts}`).toBe(`${hex} ${[here, here, here]}`);
        }),
        { numRuns: 60 },
      );
    },
  );

  it('causes an XdrError when it ends early', () => {
    expect(() => stellarMessage.read(new XdrReader(fromHex('0000000c')))).toThrow(XdrError);
  });
});

describe('StrKey', () => {
  it('is written as by stellar-base, and read back', () => {
    fc.assert(
      fc.property(bytes(32), (key) => {
        expect(encodePublicKey(key)).toBe(StrKey.encodeEd25519PublicKey(Buffer.from(key)));
        expect(encodeSecretSeed(key)).toBe(StrKey.encodeEd25519SecretSeed(Buffer.from(key)));
        expect(decodePublicKey(encodePublicKey(key))).toEqual(key);
        expect(decodeSecretSeed(encodeSecretSeed(key))).toEqual(key);
      }),
    );
  });

  it('is accepted exactly when stellar-base accepts it', () => {
    const alphabet = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 'a', '0', '1', '=', 'é', '\u{1f600}');
    fc.assert(
      fc.property(bytes(32), fc.nat(55), alphabet, fc.boolean(), (key, where, char, seed) => {
        const text = seed ? encodeSecretSeed(key) : encodePublicKey(key);
        const changed = text.slice(0, where) + char + text.slice(where + char.length);
        const taken = (read: (text: string) => unknown): boolean => {
          try {
            read(changed);
            return true;
          } catch {
            return false;
          }
        };
        expect(taken(decodePublicKey)).toBe(StrKey.isValidEd25519PublicKey(changed));
        expect(taken(decodeSecretSeed)).toBe(StrKey.isValidEd25519SecretSeed(changed));
      }),
      { numRuns: 1000 },
    );
  });

  it('of a seed gives the same public key and signatures as in stellar-base', () => {
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ maxLength: 80 }), (seed, message) => {
        const pair = Keypair.fromRawEd25519Seed(Buffer.from(seed));
        const key = nodeCrypto.signingKey(seed);
        expect(encodePublicKey(key.publicKey)).toBe(pair.publicKey());
        expect(toHex(key.sign(message))).toBe(pair.sign(Buffer.from(message)).toString('hex'));
      }),
      { numRuns: 20 },
    );
  });
});
