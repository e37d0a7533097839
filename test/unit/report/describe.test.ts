import { Keypair, xdr } from '@stellar/stellar-base';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { concatBytes, fromHex } from '../../../src/protocol/bytes.ts';
import { readStellarValue } from '../../../src/protocol/scp/stellar-value.ts';
import { receivedMessage } from '../../../src/protocol/wire/authenticated-message.ts';
import {
  MESSAGE_TYPES,
  type SCPPledges,
  type SCPStatement,
  type StellarMessage,
  stellarMessage,
  type UnknownMessage,
} from '../../../src/protocol/wire/messages.ts';
import { XdrWriter } from '../../../src/protocol/xdr/writer.ts';
import { describeMessage, typeColumn } from '../../../src/report/describe.ts';
import { bodyOf, transcript } from '../../support/vectors.ts';

/** 2026-11-24T07:30:05Z. */
const NOW_MS = Date.UTC(2026, 10, 24, 7, 30, 5);
const NODE = 'GCADMDSIGUXZD66NKUCOQTFBN3EYSE3OAW5MPN3VWP7DVLVXAYFJQTPN';
const OTHER = 'GDXC2COMYOE5NIY3ZVZ4WHSIHVW4HMHOABW6D5UVFCVTPOAO4BRBMCJD';
const hash = (first: number): Uint8Array => new Uint8Array(32).fill(first);

/** A message as a connection gives it. */
function received(message: StellarMessage) {
  const writer = new XdrWriter();
  stellarMessage.write(writer, message);
  // Views of a record: envelope before, MAC behind.
  return receivedMessage(message.type, concatBytes(new Uint8Array(12), writer.take(), new Uint8Array(32)), nodeCrypto);
}

function unknown(typeNumber: number, xdrHex: string): UnknownMessage {
  return { type: 'UNKNOWN', typeNumber, xdr: fromHex(xdrHex) };
}

const line = (message: StellarMessage): string => describeMessage(received(message), NOW_MS);

/** A StellarValue made by another implementation. */
function value(unixSeconds: number, kind: 'basic' | 'signed' = 'signed', upgrades: Buffer[] = []): Uint8Array {
  const signature = new xdr.LedgerCloseValueSignature({
    nodeId: xdr.PublicKey.publicKeyTypeEd25519(Keypair.fromPublicKey(NODE).rawPublicKey()),
    signature: Buffer.alloc(64, 5),
  });
  return new xdr.StellarValue({
    txSetHash: Buffer.from(hash(0xab)),
    closeTime: xdr.Uint64.fromString(String(unixSeconds)),
    upgrades,
    ext: kind === 'basic' ? xdr.StellarValueExt.stellarValueBasic() : xdr.StellarValueExt.stellarValueSigned(signature),
  }).toXDR();
}

function scp(pledges: SCPPledges): StellarMessage {
  const statement: SCPStatement = { nodeID: NODE, slotIndex: 60000001n, pledges };
  return { type: 'SCP_MESSAGE', envelope: { statement, signature: new Uint8Array(64) } };
}

const CLOSE = NOW_MS / 1000;

describe('the line of an SCP message', () => {
  it('has the counts and the first value of NOMINATE, an accepted one before a vote', () => {
    const votes = [value(CLOSE + 5), value(CLOSE)];
    const nominate = (accepted: Uint8Array[], voted = votes): string =>
      line(scp({ type: 'SCP_ST_NOMINATE', quorumSetHash: hash(1), votes: voted, accepted }));
    expect(nominate([])).toBe('GCADM… ledger 60000001 NOMINATE    2 votes, 0 accepted, closes 07:30:10Z, tx set ababab…');
    expect(nominate([value(CLOSE)])).toContain('2 votes, 1 accepted, closes 07:30:05Z');
    expect(nominate([], [])).toBe('GCADM… ledger 60000001 NOMINATE    0 votes, 0 accepted');
  });

  it('has the non-zero counters of PREPARE', () => {
    const ballot = { counter: 2, value: value(CLOSE) };
    const bare = { quorumSetHash: hash(1), ballot, prepared: null, preparedPrime: null, nC: 0, nH: 0 };
    expect(line(scp({ type: 'SCP_ST_PREPARE', ...bare }))).toBe(
      'GCADM… ledger 60000001 PREPARE     ballot 2, closes 07:30:05Z, tx set ababab…',
    );
    expect(line(scp({ type: 'SCP_ST_PREPARE', ...bare, prepared: { ...ballot, counter: 1 }, nC: 1, nH: 2 }))).toContain(
      'PREPARE     ballot 2, prepared 1, nC 1, nH 2, closes',
    );
  });

  it('has ballot, counters and value of CONFIRM and EXTERNALIZE', () => {
    const ballot = { counter: 3, value: value(CLOSE) };
    expect(line(scp({ type: 'SCP_ST_CONFIRM', ballot, nPrepared: 4, nCommit: 1, nH: 3, quorumSetHash: hash(1) }))).toBe(
      'GCADM… ledger 60000001 CONFIRM     ballot 3, nCommit 1, nH 3, closes 07:30:05Z, tx set ababab…',
    );
    expect(line(scp({ type: 'SCP_ST_EXTERNALIZE', commit: ballot, nH: 3, commitQuorumSetHash: hash(1) }))).toBe(
      'GCADM… ledger 60000001 EXTERNALIZE ballot 3, closes 07:30:05Z, tx set ababab…',
    );
  });

  const externalize = (content: Uint8Array): string =>
    line(scp({ type: 'SCP_ST_EXTERNALIZE', commit: { counter: 1, value: content }, nH: 1, commitQuorumSetHash: hash(1) }));

  it('has the date of a close time on another day, and the number of one beyond all dates', () => {
    expect(externalize(value(CLOSE - 86_400))).toContain('closes 2026-11-23T07:30:05Z');
    const never = value(0);
    never.fill(0xff, 32, 40);
    expect(externalize(never)).toContain('closes at second 18446744073709551615');
  });

  it('has the number of upgrades, and marks an empty transaction set', () => {
    expect(externalize(value(CLOSE, 'basic', [Buffer.alloc(8), Buffer.alloc(12)]))).toContain('tx set ababab…, 2 upgrades');
    const empty = concatBytes(
      value(CLOSE, 'basic').subarray(0, 44),
      fromHex('00000002'),
      hash(1),
      hash(2),
      fromHex('0000001c'),
      new Uint8Array(36),
      fromHex('00000040'),
      new Uint8Array(64),
    );
    expect(externalize(empty)).toContain('tx set ababab… (empty)');
  });

  it('has the size of a value that is no StellarValue', () => {
    expect(externalize(Uint8Array.of(1, 2, 3, 4, 5))).toContain('EXTERNALIZE ballot 1, a value of 5 bytes');
    expect(externalize(concatBytes(value(CLOSE), new Uint8Array(4)))).toMatch(/a value of \d+ bytes$/);
    expect(readStellarValue(value(CLOSE).subarray(0, 40))).toBeUndefined();
  });

  it('has close time and transaction set for every recorded message', () => {
    const lines = transcript('dial-core')
      .records.filter(({ type }) => type === 'SCP_MESSAGE')
      .map(({ frameHex }) => describeMessage(receivedMessage('SCP_MESSAGE', bodyOf(frameHex), nodeCrypto), NOW_MS));
    expect(lines.length).toBe(40);
    for (const text of lines)
      expect(text).toMatch(/^G[A-Z2-7]{4}… ledger \d+ (NOMINATE {3}|EXTERNALIZE) .*closes \d\d:\d\d:\d\dZ, tx set [0-9a-f]{6}…/);
  });
});

describe('the line of another message', () => {
  const LINES: readonly (readonly [StellarMessage, string])[] = [
    [{ type: 'FLOOD_ADVERT', txHashes: [hash(4), hash(5)] }, 'has 2 transactions: 040404…, …'],
    [{ type: 'FLOOD_DEMAND', txHashes: [hash(6)] }, 'wants 1 transaction: 060606…'],
    [{ type: 'FLOOD_ADVERT', txHashes: [] }, 'has 0 transactions'],
    [{ type: 'TRANSACTION', transaction: new Uint8Array(312) }, '6287e1… 312 bytes'],
    [{ type: 'GENERALIZED_TX_SET', generalizedTxSet: new Uint8Array(4) }, 'df3f61… 4 bytes'],
    [{ type: 'TX_SET', txSet: new Uint8Array(36) }, '36 bytes (the form before ledger protocol 20)'],
    [{ type: 'DONT_HAVE', reqType: 'GENERALIZED_TX_SET', reqHash: hash(7) }, 'GENERALIZED_TX_SET 070707…'],
    [{ type: 'GET_TX_SET', txSetHash: hash(8) }, '080808…'],
    [{ type: 'GET_SCP_QUORUMSET', qSetHash: hash(9) }, '090909…'],
    [{ type: 'GET_SCP_QUORUMSET', qSetHash: concatBytes(new Uint8Array(8).fill(9), new Uint8Array(24)) }, '090909… (a ping)'],
    [{ type: 'GET_SCP_STATE', ledgerSeq: 0 }, 'of the latest ledgers'],
    [{ type: 'GET_SCP_STATE', ledgerSeq: 27 }, 'from ledger 27 on'],
    [{ type: 'PEERS', peers: [] }, 'no addresses'],
    [{ type: 'PEERS', peers: [{ ip: '10.0.0.1', port: 11625, numFailures: 0 }] }, '1 address: 10.0.0.1:11625'],
    [
      {
        type: 'PEERS',
        peers: ['10.0.0.1', '2001:db8::1', '10.0.0.3', '10.0.0.4'].map((ip) => ({ ip, port: 1, numFailures: 0 })),
      },
      '4 addresses: 10.0.0.1:1, [2001:db8::1]:1, 10.0.0.3:1, …',
    ],
    [
      {
        type: 'TIME_SLICED_SURVEY_START_COLLECTING',
        startCollecting: { signature: hash(0), surveyorID: NODE, nonce: 7, ledgerNum: 9 },
      },
      'by GCADM…, ledger 9, survey 7',
    ],
    [
      {
        type: 'TIME_SLICED_SURVEY_STOP_COLLECTING',
        stopCollecting: { signature: hash(0), surveyorID: NODE, nonce: 7, ledgerNum: 10 },
      },
      'by GCADM…, ledger 10, survey 7',
    ],
    [
      {
        type: 'TIME_SLICED_SURVEY_REQUEST',
        request: {
          signature: hash(0),
          surveyorPeerID: NODE,
          surveyedPeerID: OTHER,
          ledgerNum: 9,
          encryptionKey: hash(0),
          commandType: 'TIME_SLICED_SURVEY_TOPOLOGY',
          nonce: 7,
          inboundPeersIndex: 0,
          outboundPeersIndex: 0,
        },
      },
      'GCADM… asks GDXC2…, ledger 9, survey 7',
    ],
    [
      {
        type: 'TIME_SLICED_SURVEY_RESPONSE',
        response: {
          signature: hash(0),
          surveyorPeerID: NODE,
          surveyedPeerID: OTHER,
          ledgerNum: 9,
          commandType: 'TIME_SLICED_SURVEY_TOPOLOGY',
          encryptedBody: new Uint8Array(100),
          nonce: 7,
        },
      },
      'GDXC2… answers GCADM…, ledger 9, survey 7, 100 bytes sealed',
    ],
  ];
  it.each(LINES.map(([message, text]) => [message.type, text, message] as const))('for %s is: %s', (_type, expected, message) => {
    expect(line(message)).toBe(expected);
  });

  it('has the hash, the threshold and the members of a quorum set', () => {
    const inner = { threshold: 1, validators: [NODE], innerSets: [] };
    const text = (qSet: typeof inner & { innerSets: readonly (typeof inner)[] }): string =>
      line({ type: 'SCP_QUORUMSET', qSet } as StellarMessage);
    expect(text({ threshold: 2, validators: [NODE], innerSets: [inner, inner] as never })).toMatch(
      /^[0-9a-f]{6}… 2 of 1 validator and 2 inner sets$/,
    );
    expect(text({ threshold: 1, validators: [], innerSets: [] })).toMatch(/^[0-9a-f]{6}… 1 of nobody$/);
  });

  it('has the requested hash of a recorded quorum set and transaction set', () => {
    const { records } = transcript('core-dials-us');
    const find = (type: 'SCP_QUORUMSET' | 'GENERALIZED_TX_SET'): string => {
      const record = records.find((candidate) => candidate.from === 'core' && candidate.type === type);
      return describeMessage(receivedMessage(type, bodyOf(record?.frameHex ?? ''), nodeCrypto), NOW_MS);
    };
    expect(find('SCP_QUORUMSET')).toBe('9aa6f7… 1 of 1 validator');
    expect(find('GENERALIZED_TX_SET')).toMatch(/^ebc854… \d+ bytes$/);
  });

  it('has the number, also a negative one, and the size of an unknown type', () => {
    const message = unknown(77, '0000004d01020304');
    expect(typeColumn(message).trim()).toBe('UNKNOWN 77');
    expect(describeMessage(message, NOW_MS)).toBe('8 bytes, of a type that this version does not know');
    expect(typeColumn(unknown(0xffffffff, 'ffffffff')).trim()).toBe('UNKNOWN -1');
  });

  it('begins in the same column for all usual types', () => {
    const channelOnly = ['HELLO', 'AUTH', 'ERROR_MSG', 'SEND_MORE', 'SEND_MORE_EXTENDED'];
    const types = Object.keys(MESSAGE_TYPES).filter((type) => !channelOnly.includes(type) && !type.startsWith('TIME_'));
    const widths = types.map((type) => typeColumn({ type } as never).length);
    expect(new Set(widths)).toEqual(new Set([18]));
  });

  it('shows the fields of a type without its own format', () => {
    const message = { type: 'NEW_MESSAGE', txSetHash: hash(7), count: 3, xdr: new Uint8Array(40) };
    expect(describeMessage(message as never, NOW_MS)).toBe('txSetHash 070707…, count 3');
  });
});
