import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../../src/protocol/bytes.ts';
import { FloodSender } from '../../../src/protocol/channel/flow-control.ts';
import { QUORUM_SET_STACK_LIMIT } from '../../../src/protocol/constants.ts';
import type { OverlayError } from '../../../src/protocol/errors.ts';
import type { PeerEvent } from '../../../src/protocol/peer.ts';
import { readMessage, type SendableMessage } from '../../../src/protocol/wire/authenticated-message.ts';
import type { StellarMessage } from '../../../src/protocol/wire/messages.ts';
import { Bench, pubnet1, type Sent } from '../../support/vectors.ts';

const ROLES = ['A', 'B'] as const;
const hash = (fill: number) => new Uint8Array(32).fill(fill);
const advert = (hashes: number, fill = 1) => ({
  type: 'FLOOD_ADVERT' as const,
  txHashes: new Array<Uint8Array>(hashes).fill(hash(fill)),
});
/** Size of an advert in flow control: type, count, hashes. */
const advertBytes = (hashes: number) => 8 + 32 * hashes;
const types = (events: readonly PeerEvent[]) =>
  events.map((event) => (event.type === 'message' ? event.message.type : event.type));
const messages = (sent: readonly Sent[]) => sent.map(({ body }) => readMessage(body));
const never = (): void => {};

/** An authenticated bench to which the other side has granted something. */
function granted(side: 'A' | 'B', numMessages: number, numBytes: number, overrides = {}): Bench {
  const bench = Bench.authenticated(side, overrides);
  bench.feed(bench.other.seal({ type: 'SEND_MORE_EXTENDED', numMessages, numBytes }));
  return bench;
}

describe.each(ROLES)('a message that %s receives after AUTH', (side) => {
  it('SEND_MORE causes a silent drop', () => {
    const bench = Bench.authenticated(side);
    bench.feed(bench.other.seal({ type: 'SEND_MORE', numMessages: 7 }));
    expect([bench.error.dropReason, bench.error.told, bench.sentTypes()]).toEqual([
      'unexpected message type SEND_MORE',
      null,
      [],
    ]);
  });

  it('SEND_MORE_EXTENDED causes a silent drop without bytes, and is a grant without messages', () => {
    const bench = granted(side, 0, 5);
    expect(bench.peer.credit).toEqual({ messages: 0n, bytes: 5n });
    bench.feed(bench.other.seal({ type: 'SEND_MORE_EXTENDED', numMessages: 5, numBytes: 0 }));
    expect([bench.error.dropReason, bench.error.told]).toEqual(['invalid message SEND_MORE_EXTENDED', null]);
    expect(bench.peer.credit).toEqual({ messages: 0n, bytes: 5n });
  });

  it('GET_TX_SET is answered 300 times a minute, as in stellar-core, and always delivered', () => {
    const bench = Bench.authenticated(side);
    const ask = (count: number): number => {
      const asked = Array.from({ length: count }, () => bench.other.seal({ type: 'GET_TX_SET', txSetHash: hash(1) }));
      expect(types(bench.feed(concatBytes(...asked)))).toHaveLength(count);
      return bench.sentTypes().length;
    };
    expect([ask(200), ask(200), ask(200)]).toEqual([200, 100, 0]);
    bench.advance(60_000);
    expect([ask(299), ask(2)]).toEqual([299, 1]);
  });

  it('keeps only its own bytes in memory if it is small', () => {
    const bench = Bench.authenticated(side);
    const asked = Array.from({ length: 2_000 }, () => bench.other.seal({ type: 'GET_TX_SET', txSetHash: hash(1) }));
    const kept = bench.feed(concatBytes(...asked));
    expect(kept).toHaveLength(2_000);
    for (const event of kept) {
      const message = event.type === 'message' ? event.message : undefined;
      expect(message?.xdr.buffer.byteLength).toBe(36);
      expect(message?.type === 'GET_TX_SET' && message.txSetHash.buffer).toBe(message?.xdr.buffer);
    }
  });

  it('SEND_MORE_EXTENDED of 2^32 - 1 adds to the credit', () => {
    const bench = Bench.authenticated(side);
    for (let i = 0; i < 3; i++) {
      bench.feed(bench.other.seal({ type: 'SEND_MORE_EXTENDED', numMessages: 0xffffffff, numBytes: 0xffffffff }));
    }
    expect(bench.peer.credit).toEqual({ messages: 3n * 0xffffffffn, bytes: 3n * 0xffffffffn });
  });

  it('causes one grant for each 40 flood messages, with their number and bytes', () => {
    const bench = Bench.authenticated(side);
    const release = (events: readonly PeerEvent[]) => {
      for (const event of events) if (event.type === 'message') bench.peer.release(event.message);
    };
    for (let i = 1; i < 40; i++) release(bench.feed(bench.other.seal(advert(1))));
    expect(bench.sentTypes()).toEqual([]);
    release(bench.feed(bench.other.seal(advert(1))));
    expect(messages(bench.sent())).toEqual([{ type: 'SEND_MORE_EXTENDED', numMessages: 40, numBytes: 1600 }]);
    for (let i = 0; i < 40; i++) release(bench.feed(bench.other.seal(advert(1))));
    expect(messages(bench.sent())).toEqual([{ type: 'SEND_MORE_EXTENDED', numMessages: 40, numBytes: 1600 }]);
  });

  it('causes one grant for each 100,000 bytes of flood messages', () => {
    const bench = Bench.authenticated(side);
    const grants: StellarMessage[] = [];
    for (let i = 0; i < 8; i++) {
      for (const event of bench.feed(bench.other.seal(advert(1000))))
        if (event.type === 'message') bench.peer.release(event.message);
      grants.push(...messages(bench.sent()));
    }
    const grant = { type: 'SEND_MORE_EXTENDED', numMessages: 4, numBytes: 128_032 };
    expect(grants).toEqual([grant, grant]);
  });

  it('causes no grant if it is not released, or is no flood message', () => {
    const bench = Bench.authenticated(side);
    for (let i = 0; i < 100; i++) bench.feed(bench.other.seal(advert(1)));
    for (const event of bench.feed(
      ...Array.from({ length: 100 }, () => bench.other.seal({ type: 'GET_SCP_STATE', ledgerSeq: 1 })),
    )) {
      if (event.type === 'message') bench.peer.release(event.message);
    }
    expect(bench.sentTypes()).toEqual([]);
  });

  it('causes a silent drop if it is the 201st flood message that was not consumed', () => {
    const bench = Bench.authenticated(side);
    const events = bench.feed(concatBytes(...Array.from({ length: 300 }, () => bench.other.seal(advert(1)))));
    expect(types(events)).toEqual([...new Array(200).fill('FLOOD_ADVERT'), 'closed']);
    expect([bench.error.dropReason, bench.error.told]).toEqual(['unexpected flood message, peer at capacity', null]);
  });

  it('causes a silent drop if it is the 10th advert of 1000 hashes, because of its bytes', () => {
    const bench = Bench.authenticated(side);
    const events = bench.feed(...Array.from({ length: 10 }, () => bench.other.seal(advert(1000))));
    expect(types(events)).toEqual([...new Array(9).fill('FLOOD_ADVERT'), 'closed']);
    expect(bench.error.code).toBe('OVERLAY_FLOOD_OVER_CAPACITY');
  });

  it('has its MAC checked before the capacity', () => {
    const bench = Bench.authenticated(side, { floodCapacity: { messages: 1, bytes: 40 } });
    bench.feed(bench.other.seal(advert(1)), bench.other.plain(advert(1)));
    expect(bench.error.code).toBe('OVERLAY_UNEXPECTED_SEQUENCE');
  });

  it('is limited by floodCapacity, which is granted first and again before it is used up', () => {
    const bench = new Bench(side, { floodCapacity: { messages: 4, bytes: 200 } });
    bench.feed(bench.other.hello(), bench.other.seal({ type: 'AUTH', flags: 200 }));
    expect(messages(bench.sent()).find(({ type }) => type === 'SEND_MORE_EXTENDED')).toMatchObject({
      numMessages: 4,
      numBytes: 200,
    });
    for (let i = 0; i < 20; i++) {
      for (const event of bench.feed(bench.other.seal(advert(1))))
        if (event.type === 'message') bench.peer.release(event.message);
      expect(messages(bench.sent())).toEqual([{ type: 'SEND_MORE_EXTENDED', numMessages: 1, numBytes: 40 }]);
    }
    bench.feed(bench.other.seal(advert(7)));
    expect(bench.error.code).toBe('OVERLAY_FLOOD_OVER_CAPACITY');
  });

  it('is delivered if it is an advert or demand without hashes, and refused without allocation with 1001 or 2^32 - 1', () => {
    const bench = Bench.authenticated(side);
    const none = bench.feed(bench.other.seal(advert(0)), bench.other.seal({ type: 'FLOOD_DEMAND', txHashes: [] }));
    expect(types(none)).toEqual(['FLOOD_ADVERT', 'FLOOD_DEMAND']);
    for (const [type, count, bytes] of [
      ['12', '000003e9', 32 * 1001],
      ['13', '000003e9', 32 * 1001],
      ['12', 'ffffffff', 64],
    ] as const) {
      const refusing = Bench.authenticated(side);
      refusing.feed(refusing.other.seal(concatBytes(fromHex(`000000${type}${count}`), new Uint8Array(bytes))));
      expect(refusing.error.told).toEqual({ code: 'ERR_DATA', message: 'received corrupt XDR' });
    }
  });

  it('SCP_QUORUMSET is ERR_DATA if it is nested too deep for stellar-core, and UNKNOWN if stellar-core ignores it', () => {
    const nested = (levels: number) =>
      concatBytes(
        fromHex('0000000a'),
        ...Array.from({ length: levels - 1 }, () => fromHex('000000010000000000000001')),
        fromHex('000000010000000000000000'),
      );
    const deep = Bench.authenticated(side);
    deep.feed(deep.other.seal(nested(2000)));
    expect(deep.error).toMatchObject({ code: 'OVERLAY_CORRUPT_XDR', told: { code: 'ERR_DATA' } });
    const tooDeep = Bench.authenticated(side);
    tooDeep.feed(tooDeep.other.seal(nested(QUORUM_SET_STACK_LIMIT + 1)));
    expect(tooDeep.error.message).toContain(`nested deeper than ${QUORUM_SET_STACK_LIMIT} levels`);
    for (const levels of [QUORUM_SET_STACK_LIMIT, 6]) {
      const ignored = Bench.authenticated(side);
      const [event] = ignored.feed(ignored.other.seal(nested(levels)));
      const xdr = nested(levels);
      expect(event).toEqual({ type: 'message', message: { type: 'UNKNOWN', typeNumber: 10, xdr } });
    }
    const taken = Bench.authenticated(side);
    const [event] = taken.feed(taken.other.seal(nested(5)));
    let levels = 0;
    for (
      let set = event?.type === 'message' && event.message.type === 'SCP_QUORUMSET' ? event.message.qSet : undefined;
      set;
      set = set.innerSets[0]
    )
      levels++;
    expect(levels).toBe(5);
  });

  it('is ERR_DATA if it is split over two records', () => {
    const bench = Bench.authenticated(side);
    const frame = bench.other.seal(advert(1));
    const half = frame.length / 2;
    const first = frame.slice(0, half);
    new DataView(first.buffer).setUint32(0, half - 4);
    const second = concatBytes(Uint8Array.of(0x80, 0, 0, frame.length - half), frame.subarray(half));
    bench.feed(first, second);
    expect(bench.error.told?.code).toBe('ERR_DATA');
  });

  it('is accepted with bit 31 of the header clear', () => {
    const bench = Bench.authenticated(side);
    const frame = bench.other.seal({ type: 'GET_SCP_STATE', ledgerSeq: 3 });
    frame[0] = 0;
    expect(types(bench.feed(frame))).toEqual(['GET_SCP_STATE']);
  });

  it.each([
    ['an optional flag of 2', 88, 2],
    ['an unknown statement type', 48, 4],
    ['a key type of 1', 4, 1],
  ])('SCP_MESSAGE with %s is ERR_DATA', (_name, offset, value) => {
    const statement = {
      nodeID: pubnet1.A.publicKeyStrKey,
      slotIndex: 1n,
      pledges: {
        type: 'SCP_ST_PREPARE' as const,
        quorumSetHash: hash(1),
        ballot: { counter: 1, value: new Uint8Array(0) },
        prepared: null,
        preparedPrime: null,
        nC: 0,
        nH: 0,
      },
    };
    const frame = new Bench(side).other.plain({ type: 'SCP_MESSAGE', envelope: { statement, signature: new Uint8Array(64) } });
    const xdr = frame.slice(16, frame.length - 32);
    const good = Bench.authenticated(side);
    expect(types(good.feed(good.other.seal(xdr.slice())))).toEqual(['SCP_MESSAGE']);
    const at = offset === 88 ? 4 + 36 + 8 + 4 + 32 + 8 : offset;
    new DataView(xdr.buffer).setUint32(at, value);
    const bench = Bench.authenticated(side);
    bench.feed(bench.other.seal(xdr));
    expect(bench.error.told?.code).toBe('ERR_DATA');
  });

  it('DONT_HAVE is delivered for a known type, and ERR_DATA for an unknown one', () => {
    for (const type of [1, 99]) {
      const bench = Bench.authenticated(side);
      bench.feed(bench.other.seal(concatBytes(fromHex('00000003'), Uint8Array.of(0, 0, 0, type), hash(1))));
      expect(bench.error.told?.code).toBe('ERR_DATA');
    }
    const bench = Bench.authenticated(side);
    const told = bench.feed(bench.other.seal({ type: 'DONT_HAVE', reqType: 'TX_SET', reqHash: hash(1) }));
    expect(types(told)).toEqual(['DONT_HAVE']);
  });

  it('TIME_SLICED_SURVEY_RESPONSE is delivered with 64,000 bytes, and ERR_DATA with 64,001', () => {
    const response = {
      signature: new Uint8Array(64),
      surveyorPeerID: pubnet1.A.publicKeyStrKey,
      surveyedPeerID: pubnet1.B.publicKeyStrKey,
      ledgerNum: 1,
      commandType: 'TIME_SLICED_SURVEY_TOPOLOGY' as const,
      encryptedBody: new Uint8Array(64_000),
      nonce: 2,
    };
    const bench = Bench.authenticated(side);
    expect(types(bench.feed(bench.other.seal({ type: 'TIME_SLICED_SURVEY_RESPONSE', response })))).toEqual([
      'TIME_SLICED_SURVEY_RESPONSE',
    ]);
    const frame = bench.other.plain({ type: 'TIME_SLICED_SURVEY_RESPONSE', response });
    const xdr = concatBytes(
      frame.slice(16, frame.length - 36),
      new Uint8Array(4),
      frame.slice(frame.length - 36, frame.length - 32),
    );
    const length = xdr.indexOf(0xfa, 140); // 64,000 is fa00
    xdr[length + 1] = 1;
    bench.feed(bench.other.seal(xdr));
    expect(bench.error.message).toContain('length 64001 above the maximum of 64000');
  });

  it('is delivered unchanged if it is a transaction set or quorum set that was not requested', () => {
    const bench = Bench.authenticated(side);
    const events = bench.feed(
      bench.other.seal({ type: 'TX_SET', txSet: hash(1) }),
      bench.other.seal({ type: 'GENERALIZED_TX_SET', generalizedTxSet: hash(2) }),
      bench.other.seal({ type: 'SCP_QUORUMSET', qSet: { threshold: 0, validators: [], innerSets: [] } }),
    );
    expect(types(events)).toEqual(['TX_SET', 'GENERALIZED_TX_SET', 'SCP_QUORUMSET']);
    expect(events[0]?.type === 'message' && events[0].message).toMatchObject({ txSet: hash(1) });
  });

  it('is dropped at its header if it is longer than 16 MiB', () => {
    for (const header of ['80001388', '81000000']) {
      const bench = Bench.authenticated(side);
      expect(bench.feed(fromHex(header))).toEqual([]);
      expect([bench.peer.error, bench.peer.midRecord]).toEqual([undefined, true]);
    }
    const bench = Bench.authenticated(side);
    bench.feed(fromHex('81000001'));
    expect([bench.error.code, bench.error.told]).toEqual(['OVERLAY_RECORD_LENGTH', null]);
  });

  it('is refused if its record is replayed, skipped or reordered', () => {
    for (const order of [[0, 0], [1], [0, 2], [1, 0]]) {
      const bench = Bench.authenticated(side);
      const frames = [0, 1, 2].map((ledgerSeq) => bench.other.seal({ type: 'GET_SCP_STATE', ledgerSeq }));
      const events = bench.feed(...order.map((i) => frames[i] as Uint8Array));
      expect(bench.error.told).toEqual({ code: 'ERR_AUTH', message: 'unexpected auth sequence' });
      expect(events.filter(({ type }) => type === 'message').length).toBe(order[0] === 0 ? 1 : 0);
    }
  });

  it('is refused if its record is reflected', () => {
    const bench = granted(side, 10, 10_000);
    bench.peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 1 }, never);
    const [own] = bench.sent();
    const sequence = Number(new DataView((own as Sent).body.buffer, (own as Sent).body.byteOffset).getBigUint64(4));
    for (let i = 2; i < sequence; i++) bench.feed(bench.other.seal({ type: 'GET_SCP_STATE', ledgerSeq: i }));
    bench.feed(fromHex((own as Sent).frameHex));
    expect(bench.error.told).toMatchObject({ code: 'ERR_AUTH' });
  });
});

describe('messages of an unknown type', () => {
  const xdr = fromHex('000000630102030405060708');

  it.each([4, 14, 15, 25, 99, -1])('are delivered unchanged if their MAC is good: type %i', (typeNumber) => {
    const own = xdr.slice();
    new DataView(own.buffer).setInt32(0, typeNumber);
    const bench = Bench.authenticated('A');
    const [event] = bench.feed(bench.other.seal(own));
    expect(event?.type === 'message' && event.message).toEqual({ type: 'UNKNOWN', typeNumber: typeNumber >>> 0, xdr: own });
    const damaged = bench.other.seal(own);
    damaged[20] = 0xff;
    bench.feed(damaged);
    expect(bench.error.code).toBe('OVERLAY_UNEXPECTED_MAC');
  });

  it('are corrupt XDR with unknownMessages: refuse', () => {
    const bench = Bench.authenticated('A', { unknownMessages: 'refuse' });
    bench.feed(bench.other.seal(xdr));
    expect(bench.error.told).toEqual({ code: 'ERR_DATA', message: 'received corrupt XDR' });
  });

  it('can be sent unchanged to another peer, without credit', () => {
    const bench = Bench.authenticated('A');
    const [event] = bench.feed(bench.other.seal(xdr));
    if (event?.type === 'message') bench.peer.send(event.message as SendableMessage, never);
    const [sent] = bench.sent();
    expect(toHex((sent as Sent).body.subarray(12, -32))).toBe(toHex(xdr));
  });

  it.each([
    ['another type number in its XDR', { typeNumber: 98, xdr }],
    ['a length that is no multiple of 4', { typeNumber: 99, xdr: xdr.subarray(0, 6) }],
    ['empty XDR', { typeNumber: 99, xdr: new Uint8Array(0) }],
    ['XDR as a string', { typeNumber: 99, xdr: '00000063' }],
    ['a known type', { typeNumber: 12, xdr: fromHex('0000000c00000000') }],
  ])('are not sent with %s', (_name, fields) => {
    const bench = Bench.authenticated('A');
    expect(() => bench.peer.send({ type: 'UNKNOWN', ...fields } as SendableMessage, never)).toThrow(RangeError);
    expect(bench.peer.outputLength).toBe(0);
  });
});

describe('PEERS', () => {
  const peers = { type: 'PEERS', peers: [{ ip: '10.0.0.1', port: 0, numFailures: 9 }] } as const;

  it('is delivered to the dialler once; a second one causes a silent drop', () => {
    const bench = Bench.authenticated('A');
    const [event] = bench.feed(bench.other.seal(peers));
    expect(event?.type === 'message' && event.message).toMatchObject(peers);
    bench.feed(bench.other.seal({ type: 'PEERS', peers: [] }));
    expect([bench.error.dropReason, bench.error.told]).toEqual(['too many msgs PEERS', null]);
  });

  it('causes a silent drop at the acceptor', () => {
    const bench = Bench.authenticated('B');
    bench.feed(bench.other.seal(peers));
    expect([bench.error.dropReason, bench.error.told]).toEqual(['received PEERS', null]);
  });

  it('is ERR_DATA with 101 addresses', () => {
    const bench = Bench.authenticated('A');
    bench.feed(bench.other.seal(concatBytes(fromHex('0000000500000065'), new Uint8Array(101 * 16))));
    expect(bench.error.told?.code).toBe('ERR_DATA');
  });

  it('is ERR_DATA with an address that is neither IPv4 nor IPv6', () => {
    const bench = Bench.authenticated('A');
    bench.feed(bench.other.seal(concatBytes(fromHex('000000050000000100000002'), new Uint8Array(12))));
    expect(bench.error.told?.code).toBe('ERR_DATA');
  });
});

describe('requests from the peer', () => {
  it('are delivered, and answered with DONT_HAVE if the application does not serve them', () => {
    const bench = Bench.authenticated('B');
    const events = bench.feed(
      bench.other.seal({ type: 'GET_TX_SET', txSetHash: hash(1) }),
      bench.other.seal({ type: 'GET_SCP_QUORUMSET', qSetHash: hash(2) }),
    );
    expect(types(events)).toEqual(['GET_TX_SET', 'GET_SCP_QUORUMSET']);
    expect(messages(bench.sent())).toEqual([
      { type: 'DONT_HAVE', reqType: 'GENERALIZED_TX_SET', reqHash: hash(1) },
      { type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: hash(2) },
    ]);
  });

  it('are not answered if the application serves them', () => {
    const bench = Bench.authenticated('B', { serves: ['GET_TX_SET'] });
    bench.feed(
      bench.other.seal({ type: 'GET_TX_SET', txSetHash: hash(1) }),
      bench.other.seal({ type: 'GET_SCP_QUORUMSET', qSetHash: hash(2) }),
    );
    expect(messages(bench.sent())).toEqual([{ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: hash(2) }]);
  });

  it('are sent for the SCP state after AUTH, or not with scpStateLedgerSeq: null', () => {
    const asked = (scpStateLedgerSeq: number | null | undefined) => {
      const bench = new Bench('A', { scpStateLedgerSeq });
      bench.feed(bench.other.hello(), bench.other.seal({ type: 'AUTH', flags: 200 }));
      return messages(bench.sent()).slice(2);
    };
    const grant = { type: 'SEND_MORE_EXTENDED', numMessages: 200, numBytes: 300_000 };
    expect(asked(undefined)).toEqual([grant, { type: 'GET_SCP_STATE', ledgerSeq: 0 }]);
    expect(asked(0xffffffff)).toEqual([grant, { type: 'GET_SCP_STATE', ledgerSeq: 0xffffffff }]);
    expect(asked(null)).toEqual([grant]);
  });
});

describe('ping', () => {
  it('is answered once, by DONT_HAVE with its hash, whatever its reqType', () => {
    const bench = Bench.authenticated('A');
    bench.peer.ping(hash(1));
    bench.peer.ping(hash(2));
    expect(messages(bench.sent())).toEqual([1, 2].map((fill) => ({ type: 'GET_SCP_QUORUMSET', qSetHash: hash(fill) })));
    const dontHave = (fill: number) => bench.other.seal({ type: 'DONT_HAVE', reqType: 'TRANSACTION', reqHash: hash(fill) });
    const events = bench.feed(dontHave(2), dontHave(3), dontHave(1), dontHave(1));
    expect(types(events)).toEqual(['pong', 'DONT_HAVE', 'pong', 'DONT_HAVE']);
    expect(events[0]).toEqual({ type: 'pong', hash: hash(2) });
  });

  it('requires a hash of 32 bytes', () => {
    const bench = Bench.authenticated('A');
    expect(() => bench.peer.ping(new Uint8Array(31))).toThrow(RangeError);
    expect(bench.peer.outputLength).toBe(0);
  });
});

describe('flood messages that are sent', () => {
  it('leave one at a time for grants of one message', () => {
    const bench = granted('A', 1, 1_000_000);
    const settled: number[] = [];
    for (let i = 0; i < 5; i++) bench.peer.send(advert(1, i), () => settled.push(i));
    expect([settled, bench.sentTypes(), bench.peer.credit.messages]).toEqual([[0], ['FLOOD_ADVERT'], 0n]);
    bench.feed(bench.other.seal({ type: 'SEND_MORE_EXTENDED', numMessages: 2, numBytes: 1 }));
    expect([settled, bench.sentTypes()]).toEqual([
      [0, 1, 2],
      ['FLOOD_ADVERT', 'FLOOD_ADVERT'],
    ]);
  });

  it('wait until the grant has enough bytes', () => {
    const bench = granted('B', 1, advertBytes(3) - 1);
    bench.peer.send(advert(3), never);
    expect(bench.sentTypes()).toEqual([]);
    bench.feed(bench.other.seal({ type: 'SEND_MORE_EXTENDED', numMessages: 0, numBytes: 1 }));
    expect(bench.sentTypes()).toEqual(['FLOOD_ADVERT']);
    expect(bench.peer.credit).toEqual({ messages: 0n, bytes: 0n });
  });

  it('are overtaken by other messages, which need no credit', () => {
    const bench = Bench.authenticated('A');
    let settled = 0;
    bench.peer.send(advert(1), never);
    bench.peer.send({ type: 'GET_TX_SET', txSetHash: hash(1) }, () => settled++);
    bench.peer.send({ type: 'DONT_HAVE', reqType: 'TX_SET', reqHash: hash(1) }, () => settled++);
    expect([settled, bench.sentTypes()]).toEqual([2, ['GET_TX_SET', 'DONT_HAVE']]);
  });

  it('leave by priority after a wait; one without enough credit blocks only its own type', () => {
    const bench = Bench.authenticated('A');
    const transaction = { type: 'TRANSACTION', transaction: new Uint8Array(400) } as const;
    bench.peer.send(advert(1, 1), never);
    bench.peer.send({ type: 'FLOOD_DEMAND', txHashes: [hash(1)] }, never);
    bench.peer.send(transaction, never);
    bench.peer.send({ ...transaction, transaction: new Uint8Array(4) }, never);
    bench.feed(bench.other.seal({ type: 'SEND_MORE_EXTENDED', numMessages: 10, numBytes: 100 }));
    expect(bench.sentTypes()).toEqual(['FLOOD_DEMAND', 'FLOOD_ADVERT']);
    bench.feed(bench.other.seal({ type: 'SEND_MORE_EXTENDED', numMessages: 0, numBytes: 400 }));
    expect(bench.sentTypes()).toEqual(['TRANSACTION', 'TRANSACTION']);
  });

  it('never pass an earlier message of their type', () => {
    const bench = granted('A', 10, 100);
    bench.peer.send(advert(5), never);
    bench.peer.send(advert(1), never);
    expect(bench.sentTypes()).toEqual([]);
  });

  it('are copied when they wait, and get their sequence when they leave', () => {
    const bench = Bench.authenticated('A');
    const message = advert(1, 7);
    bench.peer.send(message, never);
    (message.txHashes[0] as Uint8Array).fill(0);
    bench.peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 1 }, never);
    bench.feed(bench.other.seal({ type: 'SEND_MORE_EXTENDED', numMessages: 1, numBytes: 100 }));
    const sent = bench.sent();
    expect(messages(sent)[1]).toEqual(advert(1, 7));
    const sequences = sent.map(({ body }) => new DataView(body.buffer, body.byteOffset).getBigUint64(4));
    expect(sequences).toEqual([3n, 4n]);
  });

  it('can be cancelled once while they wait', () => {
    const bench = Bench.authenticated('A');
    let settled = 0;
    const take = bench.peer.send(advert(1), () => settled++);
    bench.peer.send(advert(2), () => settled++);
    expect([take?.(), take?.()]).toEqual([true, false]);
    bench.feed(bench.other.seal({ type: 'SEND_MORE_EXTENDED', numMessages: 5, numBytes: 1000 }));
    expect([settled, messages(bench.sent())]).toEqual([1, [advert(2)]]);
    expect(bench.peer.send(advert(1), never)).toBeUndefined();
  });

  it('leave when the message before them is cancelled and they fit', () => {
    const bench = granted('A', 10, 100);
    const take = bench.peer.send(advert(5), never);
    bench.peer.send(advert(1), never);
    expect(bench.sentTypes()).toEqual([]);
    take?.();
    expect(messages(bench.sent())).toEqual([advert(1)]);
  });

  it('cause an error above maxQueuedBytes, and the connection continues', () => {
    const bench = Bench.authenticated('A', { maxQueuedBytes: 2 * advertBytes(1) });
    bench.peer.send(advert(1), never);
    const take = bench.peer.send(advert(1), never);
    let error: unknown;
    try {
      bench.peer.send(advert(1), never);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: 'OVERLAY_SEND_QUEUE_FULL', stage: 'channel', remote: bench.peer.remote });
    expect([bench.peer.outputLength, bench.peer.authenticated]).toEqual([0, true]);
    take?.();
    expect(() => bench.peer.send(advert(1), never)).not.toThrow();
  });

  it('may wait up to 3 MiB by default', () => {
    const bench = Bench.authenticated('A');
    const big = { type: 'TRANSACTION', transaction: new Uint8Array(0x100000 - 4) } as const;
    for (let i = 0; i < 3; i++) bench.peer.send(big, never);
    expect(() => bench.peer.send({ ...big, transaction: new Uint8Array(4) }, never)).toThrow('Too many bytes wait');
  });

  it('fail once with the error of the connection when it ends', () => {
    const bench = Bench.authenticated('A');
    const errors: (OverlayError | undefined)[] = [];
    for (const message of [advert(1), { type: 'TRANSACTION', transaction: hash(1) } as const]) {
      bench.peer.send(message, (error) => errors.push(error));
    }
    bench.peer.close('OVERLAY_CLOSED');
    expect(errors).toEqual([bench.error, bench.error]);
  });

  it('cause no grant when they are released after the end', () => {
    const bench = Bench.authenticated('A', { floodCapacity: { messages: 1, bytes: 100 } });
    const [event] = bench.feed(bench.other.seal(advert(1)));
    bench.peer.close('OVERLAY_CLOSED');
    if (event?.type === 'message') bench.peer.release(event.message);
    expect(bench.sentTypes()).toEqual([]);
  });

  it('need a credit of at most 2^64 - 1 messages and bytes', () => {
    for (const which of ['messages', 'bytes'] as const) {
      const sender = new FloodSender();
      const grant = { messages: 1, bytes: 1, [which]: 2 ** 63 };
      sender.grant(grant);
      expect(() => sender.grant({ messages: 0, bytes: 1, [which]: 2 ** 63 - 1024 })).not.toThrow();
      expect(() => sender.grant({ messages: 1, bytes: 1, [which]: 1024 })).toThrow('more than 2^64 - 1');
    }
  });
});

describe('a message with a wrong field', () => {
  const bad: readonly (readonly [string, object, string])[] = [
    ['GET_SCP_STATE', { ledgerSeq: -1 }, 'ledgerSeq: uint32 must be a whole number from 0 to 4294967295, got -1'],
    ['GET_SCP_STATE', { ledgerSeq: 1.5 }, 'ledgerSeq: uint32 must be a whole number from 0 to 4294967295, got 1.5'],
    ['GET_SCP_STATE', {}, 'ledgerSeq: uint32 must be a whole number from 0 to 4294967295, got undefined'],
    ['GET_TX_SET', { txSetHash: new Uint8Array(31) }, 'txSetHash: expected a Uint8Array of 32 bytes'],
    ['GET_TX_SET', { txSetHash: '00' }, 'txSetHash: expected a Uint8Array of 32 bytes'],
    ['DONT_HAVE', { reqType: 'NOTHING', reqHash: hash(1) }, 'reqType: expected one of ERROR_MSG, AUTH'],
    ['TRANSACTION', { transaction: new Uint8Array(6) }, 'transaction: expected XDR'],
    ['TRANSACTION', { transaction: new Uint8Array(0) }, 'transaction: expected XDR'],
    ['TX_SET', { txSet: 'AAAA' }, 'txSet: expected XDR'],
    ['FLOOD_ADVERT', { txHashes: new Array(1001).fill(hash(1)) }, 'txHashes: expected an array of at most 1000'],
    ['FLOOD_ADVERT', { txHashes: 'no' }, 'txHashes: expected an array of at most 1000'],
    ['PEERS', { peers: [{ ip: '1.2.3', port: 1, numFailures: 0 }] }, 'peers: ip: not an IPv4 or IPv6 address: "1.2.3"'],
    ['PEERS', { peers: [{ ip: '1.2.3.4', port: -1, numFailures: 0 }] }, 'peers: port: uint32 must be'],
    ['SCP_QUORUMSET', { qSet: { threshold: 1, validators: ['GABC'], innerSets: [] } }, 'qSet: validators: not a public key'],
    [
      'SCP_MESSAGE',
      {
        envelope: { statement: { nodeID: pubnet1.A.publicKeyStrKey, slotIndex: 1, pledges: {} }, signature: new Uint8Array(64) },
      },
      'envelope: statement: slotIndex: uint64 must be a bigint',
    ],
    [
      'SCP_MESSAGE',
      { envelope: { statement: { nodeID: pubnet1.A.publicKeyStrKey, slotIndex: 1n << 64n, pledges: {} } } },
      'envelope: statement: slotIndex: uint64 must be from 0 to 2^64 - 1',
    ],
    [
      'SCP_MESSAGE',
      { envelope: { statement: { nodeID: pubnet1.A.publicKeyStrKey, slotIndex: 1n, pledges: { type: 'NONE' } } } },
      'envelope: statement: pledges: type must be one of SCP_ST_PREPARE',
    ],
    [
      'TIME_SLICED_SURVEY_START_COLLECTING',
      { startCollecting: { signature: new Uint8Array(65), surveyorID: pubnet1.A.publicKeyStrKey, nonce: 1, ledgerNum: 1 } },
      'startCollecting: signature: expected a Uint8Array of at most 64 bytes',
    ],
    ['NOTHING', {}, 'type must be one of ERROR_MSG'],
    ['toString', {}, 'type must be one of ERROR_MSG'],
  ];

  it.each(bad.map(([type, fields, message]) => [type, message, fields] as const))(
    'is refused, and changes nothing: %s, “%s”',
    (type, message, fields) => {
      const bench = granted('A', 100, 1_000_000);
      bench.peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 1 }, never);
      const before = bench.peer.outputLength;
      let error: unknown;
      try {
        bench.peer.send({ type, ...fields } as SendableMessage, never);
      } catch (caught) {
        error = caught;
      }
      expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
      expect((error as Error).message).toContain(message);
      expect([bench.peer.outputLength, bench.peer.authenticated, bench.peer.credit.messages]).toEqual([before, true, 100n]);
      // The next message is whole and has the next sequence.
      bench.peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 2 }, never);
      expect(messages(bench.sent())).toEqual([1, 2].map((ledgerSeq) => ({ type: 'GET_SCP_STATE', ledgerSeq })));
    },
  );

  it.each(['HELLO', 'AUTH', 'ERROR_MSG', 'SEND_MORE', 'SEND_MORE_EXTENDED'])(
    'cannot be sent by the application if it is %s',
    (type) => {
      const bench = Bench.authenticated('A');
      expect(() => bench.peer.send({ type } as never, never)).toThrow(new TypeError(`${type} is sent by the connection itself`));
      expect(bench.peer.outputLength).toBe(0);
    },
  );

  it('is refused with a RangeError if it is longer than 16 MiB', () => {
    const bench = Bench.authenticated('A');
    const set = (bytes: number) => ({ type: 'TX_SET', txSet: new Uint8Array(bytes) }) as const;
    expect(() => bench.peer.send(set(0x1000000 - 44), never)).toThrow(RangeError);
    expect(bench.peer.outputLength).toBe(0);
    bench.peer.send(set(0x1000000 - 48), never);
    expect(bench.peer.outputLength).toBe(0x1000000 + 4);
  });
});
