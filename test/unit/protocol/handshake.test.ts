import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { authCertPayload, makeAuthCert } from '../../../src/protocol/auth/auth-cert.ts';
import { concatBytes, fromHex, toHex } from '../../../src/protocol/bytes.ts';
import { MacSender } from '../../../src/protocol/channel/mac.ts';
import type { HandshakeStep } from '../../../src/protocol/handshake/steps.ts';
import { Peer } from '../../../src/protocol/peer.ts';
import { encodePublicKey } from '../../../src/protocol/strkey.ts';
import type { AuthCert, Hello } from '../../../src/protocol/wire/messages.ts';
import { at, Bench, optionsOf, pubnet1, type SideName } from '../../support/vectors.ts';

const ROLES = ['A', 'B'] as const;
const NOW = BigInt(pubnet1.nowSeconds);
const NETWORK = pubnet1.networkIdHex;
const AUTH = { type: 'AUTH', flags: 200 } as const;

/** The side that plays against the peer under test. */
const other = (side: SideName) => pubnet1[side === 'A' ? 'B' : 'A'];

/** A valid cert of the other side, with changes. */
function certOf(side: SideName, { pubkey, expiration }: Partial<AuthCert>): AuthCert {
  const { seedHex, ecdhPublicHex } = other(side);
  const identity = nodeCrypto.signingKey(fromHex(seedHex));
  return makeAuthCert(nodeCrypto, identity, NETWORK, pubkey ?? fromHex(ecdhPublicHex), expiration ?? NOW + 3600n);
}

/** What a peer has answered to a HELLO, apart from its own HELLO or AUTH. */
function refused(side: SideName, hello: Partial<Hello>, overrides: ConstructorParameters<typeof Bench>[1] = {}) {
  const bench = new Bench(side, overrides);
  bench.sent();
  const events = bench.feed(bench.other.hello(hello));
  return {
    code: bench.peer.error?.code,
    told: bench.peer.error?.told,
    sent: bench.sentTypes(),
    events: events.map(({ type }) => type),
    bench,
  };
}

describe.each(ROLES)('a HELLO received by %s', (side) => {
  const own = side === 'B' ? ['HELLO'] : [];

  it('is accepted with a cert that expires now, in 2^64 - 1, or in milliseconds', () => {
    for (const expiration of [NOW, 2n ** 64n - 1n, NOW * 1000n]) {
      const { code, bench } = refused(side, { cert: certOf(side, { expiration }) });
      expect(code).toBeUndefined();
      expect(bench.peer.remote?.certExpirationSeconds).toBe(expiration);
    }
  });

  it('causes a silent drop, without our HELLO, when its cert expired a second ago', () => {
    const { code, told, sent, bench } = refused(side, { cert: certOf(side, { expiration: NOW - 1n }) });
    expect([code, told, sent]).toEqual(['OVERLAY_CERT_EXPIRED', null, []]);
    expect(bench.error.message).toBe('The peer’s certificate expired 1 s ago by our clock.');
    expect(bench.error.stage).toBe('hello');
    expect(bench.peer.remote).toBeUndefined();
  });

  it('is accepted until the end of the second in which its cert expires', () => {
    const bench = new Bench(side);
    bench.now = at(Number(NOW) + 0.999);
    bench.feed(bench.other.hello({ cert: certOf(side, { expiration: NOW }) }));
    expect(bench.peer.error).toBeUndefined();
  });

  it.each([0, 1, 63])('causes a silent drop with a signature of %i bytes', (length) => {
    const cert = certOf(side, {});
    const { code, told, sent } = refused(side, { cert: { ...cert, sig: cert.sig.subarray(0, length) } });
    expect([code, told, sent]).toEqual(['OVERLAY_CERT_INVALID', null, []]);
  });

  it('causes a drop with a cert that signs the payload itself, or a 1-byte envelope type', () => {
    const { seedHex, ecdhPublicHex } = other(side);
    const identity = nodeCrypto.signingKey(fromHex(seedHex));
    const pubkey = fromHex(ecdhPublicHex);
    const payload = authCertPayload(NETWORK, NOW + 3600n, pubkey);
    const oneByte = concatBytes(payload.subarray(0, 32), Uint8Array.of(3), payload.subarray(36));
    for (const sig of [identity.sign(payload), identity.sign(nodeCrypto.sha256(oneByte))]) {
      expect(refused(side, { cert: { pubkey, expiration: NOW + 3600n, sig } }).code).toBe('OVERLAY_CERT_INVALID');
    }
  });

  it.each(
    [
      '00'.repeat(32),
      `01${'00'.repeat(31)}`,
      `ec${'ff'.repeat(30)}7f`,
      `ed${'ff'.repeat(30)}7f`,
      `ee${'ff'.repeat(30)}7f`,
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
      `5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7`,
    ].map((hex) => [hex]),
  )('causes a silent drop, without our HELLO, with the small-order ECDH key %s', (hex) => {
    const { code, told, sent, bench } = refused(side, { cert: certOf(side, { pubkey: fromHex(hex) }) });
    expect([code, told, sent, bench.error.dropReason]).toEqual(['OVERLAY_BAD_ECDH_KEY', null, [], 'Bad crypto request']);
    expect(bench.error.remote?.peerID).toBe(other(side).publicKeyStrKey);
  });

  it('causes a silent drop, without our HELLO or AUTH, when its peerID is banned', () => {
    const banned: string[] = [];
    const isBanned = (peerID: string) => banned.push(peerID) > 0;
    const { code, told, sent } = refused(side, {}, { isBanned });
    expect([code, told, sent, banned]).toEqual(['OVERLAY_PEER_BANNED', null, [], [other(side).publicKeyStrKey]]);
    expect(refused(side, {}, { isBanned: () => false }).code).toBeUndefined();
  });

  it('causes a silent drop when its peerID is not the expected one', () => {
    const wrong = refused(side, {}, { expectedPeerID: pubnet1[side].publicKeyStrKey });
    expect([wrong.code, wrong.told, wrong.sent]).toEqual(['OVERLAY_PEER_ID_MISMATCH', null, []]);
    expect(wrong.bench.error.message).toContain(`but ${pubnet1[side].publicKeyStrKey} is expected`);
    expect(refused(side, {}, { expectedPeerID: other(side).publicKeyStrKey }).code).toBeUndefined();
  });

  it.each([
    [37, 10, 'below'],
    [50, 43, 'above'],
    [39, 41, 'inverted'],
    [42, 43, 'inverted, each alone within'],
  ])('is refused with overlay versions up to %i from %i (%s)', (overlayVersion, overlayMinVersion) => {
    const { code, told, sent } = refused(
      side,
      { overlayVersion, overlayMinVersion },
      { overlayVersion: 42, overlayMinVersion: 38 },
    );
    expect(code).toBe('OVERLAY_WRONG_PROTOCOL_VERSION');
    expect(told).toEqual({ code: 'ERR_CONF', message: 'wrong protocol version' });
    expect(sent).toEqual([...own, 'ERROR_MSG']);
  });

  it.each([
    [38, 0],
    [0xffffffff, 42],
    [0xffffffff, 0],
    [40, 40],
  ])('is accepted with overlay versions up to %i from %i', (overlayVersion, overlayMinVersion) => {
    expect(
      refused(side, { overlayVersion, overlayMinVersion }, { overlayVersion: 42, overlayMinVersion: 38 }).code,
    ).toBeUndefined();
  });

  it('is refused with an error that contains the versions of the peer', () => {
    const { bench } = refused(side, { overlayVersion: 9, overlayMinVersion: 8 });
    expect(bench.error.remote).toMatchObject({
      overlayVersion: 9,
      overlayMinVersion: 8,
      versionStr: other(side).hello.versionStr,
    });
    expect(bench.error.message).toMatch(/^The peer supports overlay 8 to 9, we support \d+ to \d+\.$/);
  });

  it.each([0, -1, 65536, -0x80000000, 0x7fffffff])('is refused with listening port %i', (listeningPort) => {
    const { code, sent, bench } = refused(side, { listeningPort });
    expect([code, sent, bench.error.told?.message]).toEqual(['OVERLAY_BAD_ADDRESS', [...own, 'ERROR_MSG'], 'bad address']);
  });

  it.each([1, 65535])('is accepted with listening port %i', (listeningPort) => {
    expect(refused(side, { listeningPort }).code).toBeUndefined();
  });

  it('is refused when another connection has its peerID, and the ERROR_MSG contains the peerID', () => {
    const { code, told, sent, bench } = refused(side, {}, { claimPeerID: () => false });
    const message = `already-connected peer: ${other(side).publicKeyStrKey.slice(0, 5)}`;
    expect([code, told, sent]).toEqual(['OVERLAY_ALREADY_CONNECTED', { code: 'ERR_CONF', message }, [...own, 'ERROR_MSG']]);
    expect(bench.error.dropReason).toBe(message);
  });

  it('claims its peerID once, after all other checks', () => {
    const claims: string[] = [];
    const claimPeerID = (peerID: string) => claims.push(peerID) > 0;
    expect(refused(side, { listeningPort: 0 }, { claimPeerID }).code).toBe('OVERLAY_BAD_ADDRESS');
    expect(claims).toEqual([]);
    expect(refused(side, {}, { claimPeerID, onStep: () => {} }).code).toBeUndefined();
    expect(claims).toEqual([other(side).publicKeyStrKey]);
  });

  it('is refused for the first of several faults: cert, ban, key, versions, self, network, port, duplicate', () => {
    const faults: readonly (readonly [string, Partial<Hello>, object])[] = [
      [
        'OVERLAY_CERT_EXPIRED',
        { cert: certOf(side, { expiration: NOW - 1n, pubkey: new Uint8Array(32) }) },
        { isBanned: () => true },
      ],
      [
        'OVERLAY_CERT_INVALID',
        { cert: { ...certOf(side, { pubkey: new Uint8Array(32) }), sig: new Uint8Array(64) } },
        { isBanned: () => true },
      ],
      ['OVERLAY_PEER_BANNED', { cert: certOf(side, { pubkey: new Uint8Array(32) }) }, { isBanned: () => true }],
      ['OVERLAY_BAD_ECDH_KEY', { cert: certOf(side, { pubkey: new Uint8Array(32) }) }, {}],
      ['OVERLAY_WRONG_PROTOCOL_VERSION', {}, {}],
      ['OVERLAY_WRONG_NETWORK', { overlayVersion: 42, overlayMinVersion: 38 }, {}],
    ];
    for (const [code, hello, overrides] of faults) {
      const all = { overlayVersion: 1, overlayMinVersion: 1, networkID: new Uint8Array(32), listeningPort: 0, ...hello };
      expect(refused(side, all, { claimPeerID: () => false, ...overrides }).code).toBe(code);
    }
    expect(refused(side, { listeningPort: 0 }, { claimPeerID: () => false }).code).toBe('OVERLAY_BAD_ADDRESS');
  });

  it('from ourselves is refused before its network and port are checked', () => {
    const { seedHex, ecdhPublicHex } = pubnet1[side];
    const identity = nodeCrypto.signingKey(fromHex(seedHex));
    const cert = makeAuthCert(nodeCrypto, identity, NETWORK, fromHex(ecdhPublicHex), NOW + 3600n);
    const peerID = encodePublicKey(identity.publicKey);
    const { code, sent } = refused(side, { cert, peerID, networkID: new Uint8Array(32), listeningPort: 0 });
    expect([code, sent]).toEqual(['OVERLAY_CONNECTING_TO_SELF', [...own, 'ERROR_MSG']]);
  });

  it('is accepted with any sequence and MAC', () => {
    const bench = new Bench(side);
    const hello = bench.other.hello();
    hello.fill(0xee, 8, 16);
    hello.fill(0xdd, hello.length - 32);
    expect(bench.feed(hello).map(({ type }) => type)).toEqual(['hello']);
  });

  it('may have bytes in versionStr that are not UTF-8', () => {
    const bench = new Bench(side);
    const hello = bench.other.hello({ versionStr: 'xyz' });
    hello.set([0xff, 0x41, 0xc3], hello.indexOf(0x78, 60));
    bench.feed(hello);
    expect(bench.peer.remote?.versionStr).toBe('\ufffdA\ufffd');
  });

  it('causes a silent drop the second time with a good MAC, and ERR_AUTH with a bad one', () => {
    const bench = new Bench(side);
    const second = bench.other.hello();
    bench.feed(bench.other.hello());
    bench.sent();
    bench.other.macs.seal(second, 4, second.length);
    bench.feed(second);
    expect([bench.error.code, bench.error.told, bench.sentTypes()]).toEqual(['OVERLAY_UNEXPECTED_HELLO', null, []]);
    const again = new Bench(side);
    again.feed(again.other.hello(), again.other.hello());
    expect(again.error.told?.message).toBe('unexpected MAC');
  });
});

describe.each(ROLES)('an AUTH received by %s', (side) => {
  it.each([0, 1, 100, 199, 201, -1])('is refused with flags %i, after our AUTH and PEERS', (flags) => {
    const bench = new Bench(side, { peers: [{ ip: '192.0.2.1', port: 1, numFailures: 0 }] });
    bench.feed(bench.other.hello());
    bench.sent();
    bench.feed(bench.other.seal({ type: 'AUTH', flags }));
    expect(bench.error.code).toBe('OVERLAY_FLOW_CONTROL_BYTES_DISABLED');
    expect([bench.error.stage, bench.peer.authenticated]).toEqual(['auth', false]);
    expect(bench.sentTypes()).toEqual(side === 'B' ? ['AUTH', 'PEERS', 'ERROR_MSG'] : ['ERROR_MSG']);
  });

  it('is refused with ERR_LOAD, after our AUTH and PEERS, when no slot is free', () => {
    const asked: string[] = [];
    const takeSlot = (peerID: string) => asked.push(peerID) === 0;
    const bench = new Bench(side, { takeSlot, peers: [{ ip: '2001:db8::1', port: 1, numFailures: 0 }] });
    bench.feed(bench.other.hello());
    bench.sent();
    bench.feed(bench.other.seal(AUTH));
    expect(bench.error.told).toEqual({ code: 'ERR_LOAD', message: 'peer rejected' });
    expect(bench.sentTypes()).toEqual(side === 'B' ? ['AUTH', 'PEERS', 'ERROR_MSG'] : ['ERROR_MSG']);
    expect(asked).toEqual([other(side).publicKeyStrKey]);
  });

  it('before HELLO is out of order with any MAC, and is not answered with HELLO', () => {
    const bench = new Bench(side);
    bench.sent();
    bench.feed(bench.other.plain(AUTH));
    expect(bench.error.told).toEqual({ code: 'ERR_MISC', message: 'out-of-order AUTH message' });
    expect(bench.sentTypes()).toEqual(['ERROR_MSG']);
  });

  it('is out of order the second time', () => {
    const bench = Bench.authenticated(side);
    bench.feed(bench.other.seal(AUTH));
    expect([bench.error.code, bench.error.stage]).toEqual(['OVERLAY_OUT_OF_ORDER_AUTH', 'channel']);
    expect(bench.sentTypes()).toEqual(['ERROR_MSG']);
  });

  it('is refused when its MAC key was made with the nonces in the wrong order', () => {
    const bench = new Bench(side);
    bench.feed(bench.other.hello());
    const { keySchedule } = pubnet1;
    const [first, info] = side === 'B' ? ['00', keySchedule.expandInputBAHex] : ['01', keySchedule.expandInputABHex];
    const key = nodeCrypto.hmacSha256(fromHex(keySchedule.sharedKeyHex), fromHex(first + info.slice(2)));
    bench.other.macs = new MacSender(nodeCrypto.macKey(key));
    bench.feed(bench.other.seal(AUTH));
    expect(bench.error.code).toBe('OVERLAY_UNEXPECTED_MAC');
  });

  it('is refused when its MAC covers a sequence of 4 bytes', () => {
    const bench = new Bench(side);
    bench.feed(bench.other.hello());
    const key = side === 'B' ? pubnet1.keySchedule.macKeyABHex : pubnet1.keySchedule.macKeyBAHex;
    const frame = bench.other.plain(AUTH);
    frame.set(nodeCrypto.hmacSha256(fromHex(key), frame.subarray(12, frame.length - 32)), frame.length - 32);
    bench.feed(frame);
    expect(bench.error.code).toBe('OVERLAY_UNEXPECTED_MAC');
  });

  it('is handled in order when further messages come in the same segment', () => {
    const bench = new Bench(side);
    bench.feed(bench.other.hello());
    const messages = [
      AUTH,
      ...(side === 'A' ? [{ type: 'PEERS' as const, peers: [] }] : []),
      { type: 'SEND_MORE_EXTENDED', numMessages: 3, numBytes: 4 },
      { type: 'GET_SCP_STATE', ledgerSeq: 5 },
    ] as const;
    const events = bench.feed(concatBytes(...messages.map((message) => bench.other.seal(message))));
    expect(events.map((event) => (event.type === 'message' ? event.message.type : event.type))).toEqual(
      side === 'A' ? ['authenticated', 'PEERS', 'GET_SCP_STATE'] : ['authenticated', 'GET_SCP_STATE'],
    );
    expect(bench.peer.credit).toEqual({ messages: 3n, bytes: 4n });
  });
});

describe.each(ROLES)('a record received before AUTH by %s', (side) => {
  it.each(['FLOOD_ADVERT', 'SEND_MORE', 'DONT_HAVE'] as const)('%s causes a silent drop, before and after HELLO', (type) => {
    const message = {
      FLOOD_ADVERT: { type: 'FLOOD_ADVERT', txHashes: [] },
      SEND_MORE: { type: 'SEND_MORE', numMessages: 1 },
      DONT_HAVE: { type: 'DONT_HAVE', reqType: 'TX_SET', reqHash: new Uint8Array(32) },
    } as const;
    const early = new Bench(side);
    early.sent();
    early.feed(early.other.plain(message[type]));
    const later = new Bench(side);
    later.feed(later.other.hello());
    later.sent();
    later.feed(later.other.seal(message[type]));
    for (const bench of [early, later]) {
      expect([bench.error.code, bench.error.told, bench.sentTypes()]).toEqual(['OVERLAY_MESSAGE_BEFORE_HANDSHAKE', null, []]);
      expect(bench.error.dropReason).toBe(`received ${type} before completed handshake`);
    }
  });

  it.each([1, 4, 14, 15, 25, -1, 0x7fffffff])('is corrupt XDR with message type %i, even if its MAC is good', (type) => {
    const xdr = new Uint8Array(8);
    new DataView(xdr.buffer).setInt32(0, type);
    const early = new Bench(side);
    early.feed(early.other.plain(xdr));
    const later = new Bench(side);
    later.feed(later.other.hello(), later.other.seal(xdr));
    for (const bench of [early, later]) expect(bench.error.told).toEqual({ code: 'ERR_DATA', message: 'received corrupt XDR' });
  });

  it('is dropped at its header if it is empty or longer than 4,096 bytes', () => {
    const bench = new Bench(side);
    expect(bench.feed(fromHex('80001000'))).toEqual([]);
    expect([bench.peer.error, bench.peer.midRecord]).toEqual([undefined, true]);
    for (const header of ['80001001', '80000000', 'ffffffff', '00001001']) {
      const refusing = new Bench(side);
      refusing.sent();
      refusing.feed(fromHex(header));
      expect([refusing.error.code, refusing.error.told, refusing.sentTypes()]).toEqual(['OVERLAY_RECORD_LENGTH', null, []]);
      expect(refusing.error.dropReason).toBe('error during read');
    }
  });

  it('has the limit of 4,096 bytes after HELLO as well', () => {
    const bench = new Bench(side);
    bench.feed(bench.other.hello(), fromHex('80001001'));
    expect([bench.error.code, bench.error.stage]).toEqual(['OVERLAY_RECORD_LENGTH', 'auth']);
  });

  it('is ERR_DATA if it is malformed and its MAC is wrong', () => {
    const bench = new Bench(side);
    bench.feed(bench.other.hello(), bench.other.plain(concatBytes(fromHex('00000002000000c8'), new Uint8Array(4))));
    expect(bench.error.told?.code).toBe('ERR_DATA');
  });
});

describe('a received ERROR_MSG', () => {
  const states: readonly (readonly [string, (side: SideName) => Bench])[] = [
    ['before HELLO', (side) => new Bench(side)],
    [
      'after HELLO',
      (side) => {
        const bench = new Bench(side);
        bench.feed(bench.other.hello());
        return bench;
      },
    ],
    ['after AUTH', (side) => Bench.authenticated(side)],
  ];

  it.each(states.flatMap(([name, make]) => ROLES.map((side) => [name, side, make] as const)))(
    '%s ends the connection of %s without a reply',
    (_name, side, make) => {
      const bench = make(side);
      bench.sent();
      const stage = bench.peer.stage;
      const frame = bench.other.plain({ type: 'ERROR_MSG', code: 'ERR_LOAD', msg: 'peer rejected' });
      frame.fill(0x55, 8, 16);
      frame.fill(0x66, frame.length - 32);
      expect(bench.feed(frame, bench.other.seal({ type: 'GET_SCP_STATE', ledgerSeq: 1 })).map(({ type }) => type)).toEqual([
        'closed',
      ]);
      expect(bench.error).toMatchObject({ code: 'OVERLAY_PEER_ERROR', stage, told: null, causeName: 'peer-full' });
      expect(bench.error.peerError).toEqual({ code: 'ERR_LOAD', message: 'peer rejected' });
      expect(bench.error.dropReason).toBe('ERR_LOAD (peer rejected)');
      expect(bench.sentTypes()).toEqual([]);
    },
  );

  it('keeps its text when its code is unknown', () => {
    for (const code of [99, -1, 5]) {
      const bench = new Bench('A');
      bench.feed(bench.other.plain({ type: 'ERROR_MSG', code, msg: 'new reason' }));
      expect(bench.error.peerError).toEqual({ code: 'UNKNOWN', message: 'new reason' });
      expect(bench.error.dropReason).toBe('UNKNOWN (new reason)');
      expect(bench.error.message).toContain(`unknown code ${code}`);
    }
  });

  it('is shown in printable ASCII, byte by byte', () => {
    const bench = new Bench('A');
    bench.feed(bench.other.plain({ type: 'ERROR_MSG', code: 'ERR_MISC', msg: 'a\u001b[31m\nä~b' }));
    expect(bench.error.peerError?.message).toBe('a*[31m***~b');
    expect(bench.error.dropReason).toBe('ERR_MISC (a**31m****b)');
  });

  it('may have a text of 100 bytes, and is corrupt XDR with 101', () => {
    const bench = new Bench('A');
    bench.feed(bench.other.plain({ type: 'ERROR_MSG', code: 'ERR_MISC', msg: 'x'.repeat(100) }));
    expect(bench.error.peerError?.message).toBe('x'.repeat(100));
    const long = new Bench('A');
    long.feed(long.other.plain(concatBytes(fromHex('000000000000000000000065'), new Uint8Array(104))));
    expect(long.error.told).toEqual({ code: 'ERR_DATA', message: 'received corrupt XDR' });
  });

  it('is returned by lastWords() if this side has already ended the connection', () => {
    const bench = new Bench('A', { expectedPeerID: pubnet1.A.publicKeyStrKey });
    const words = bench.other.plain({ type: 'ERROR_MSG', code: 'ERR_CONF', msg: 'wrong protocol version' });
    bench.feed(concatBytes(bench.other.hello(), words));
    expect(bench.error.code).toBe('OVERLAY_PEER_ID_MISMATCH');
    expect(bench.peer.lastWords()).toEqual({ code: 'ERR_CONF', message: 'wrong protocol version' });
    expect(bench.peer.lastWords()).toBeUndefined();
  });

  it('is not found by lastWords() in bytes that are no record', () => {
    const bench = new Bench('A');
    bench.feed(fromHex('80000000'));
    expect(bench.peer.lastWords()).toBeUndefined();
    const other = new Bench('A', { isBanned: () => true });
    other.feed(other.other.hello());
    other.peer.push(new Uint8Array(5000));
    other.peer.push(other.other.plain({ type: 'ERROR_MSG', code: 'ERR_CONF', msg: 'heard' }));
    expect(other.peer.lastWords()?.message).toBe('heard');
  });
});

describe('a peer', () => {
  it('sends nothing before HELLO as acceptor', () => {
    const bench = new Bench('B');
    expect(bench.peer.takeOutput(bench.now)).toBeUndefined();
    expect([bench.peer.stage, bench.peer.authenticated, bench.peer.outputLength]).toEqual(['hello', false, 0]);
  });

  it('goes through the stages hello, auth and channel', () => {
    const bench = new Bench('B');
    bench.feed(bench.other.hello());
    expect([bench.peer.stage, bench.peer.authenticated]).toEqual(['auth', false]);
    bench.feed(bench.other.seal(AUTH));
    expect([bench.peer.stage, bench.peer.authenticated]).toEqual(['channel', true]);
    bench.peer.close('OVERLAY_CLOSED');
    expect([bench.peer.stage, bench.peer.authenticated]).toEqual(['channel', false]);
  });

  it('sends no PEERS without addresses', () => {
    for (const peers of [undefined, []]) {
      const bench = new Bench('B', { peers });
      bench.feed(bench.other.hello(), bench.other.seal(AUTH));
      expect(bench.sentTypes()).toEqual(['HELLO', 'AUTH', 'SEND_MORE_EXTENDED', 'GET_SCP_STATE']);
    }
  });

  it('ends only once: later reasons are ignored and no more bytes are handled', () => {
    const bench = Bench.authenticated('A');
    expect(bench.peer.close('OVERLAY_SHUTDOWN')?.type).toBe('closed');
    expect(bench.peer.close('OVERLAY_IDLE_TIMEOUT')).toBeUndefined();
    expect(bench.feed(bench.other.seal({ type: 'GET_SCP_STATE', ledgerSeq: 1 }))).toEqual([]);
    expect([bench.error.code, bench.sentTypes()]).toEqual(['OVERLAY_SHUTDOWN', ['ERROR_MSG']]);
    expect(bench.peer.tick(at(1e10, 1e10))).toBeUndefined();
    expect(bench.peer.takeOutput(bench.now)).toBeUndefined();
  });

  it('keeps the message and the cause of its end', () => {
    const bench = new Bench('A');
    const cause = new Error('ECONNRESET');
    bench.peer.close('OVERLAY_CONNECTION_RESET', 'It broke.', cause);
    expect([bench.error.message, bench.error.cause]).toEqual(['It broke.', cause]);
  });

  it('ends without a message as OVERLAY_INTERNAL when a function of the caller throws', () => {
    const cause = new Error('mine');
    const fail = () => {
      throw cause;
    };
    const bench = new Bench('B', { isBanned: fail });
    bench.feed(bench.other.hello());
    expect([bench.error.code, bench.error.cause, bench.error.told, bench.sentTypes()]).toEqual([
      'OVERLAY_INTERNAL',
      cause,
      null,
      [],
    ]);
    const starting = new Peer(optionsOf(pubnet1, 'A', { onStep: fail }));
    const event = starting.start(at(Number(NOW)));
    expect(event?.type === 'closed' && event.error.code).toBe('OVERLAY_INTERNAL');
  });

  it('throws in send() and ping() before the handshake is complete, and after the end', () => {
    const bench = new Bench('A');
    bench.sent();
    const attempts = [
      () => bench.peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 0 }, () => {}),
      () => bench.peer.ping(new Uint8Array(32)),
    ];
    for (const attempt of attempts) expect(attempt).toThrow('The handshake is not complete.');
    bench.feed(bench.other.hello());
    expect(bench.sentTypes()).toEqual(['AUTH']);
    for (const attempt of attempts) expect(attempt).toThrow('The handshake is not complete.');
    expect(bench.sent()).toEqual([]);
    bench.peer.close('OVERLAY_CLOSED');
    for (const attempt of attempts) expect(attempt).toThrow(bench.error);
  });

  it('refuses every record when its receiving MAC key is zero', () => {
    const zero = (key: Uint8Array) => toHex(key) === pubnet1.keySchedule.sharedKeyHex;
    // HMAC that gives zeros for the direction of the dialler.
    const crypto = {
      ...nodeCrypto,
      hmacSha256: (key: Uint8Array, data: Uint8Array) =>
        zero(key) && data[0] === 0 ? new Uint8Array(32) : nodeCrypto.hmacSha256(key, data),
    };
    const bench = new Bench('B', { crypto });
    bench.feed(bench.other.hello(), bench.other.seal(AUTH));
    expect(bench.error.told).toEqual({ code: 'ERR_AUTH', message: 'receive mac key is zero' });
  });
});

describe('the steps of a handshake', () => {
  const play = (side: SideName, overrides: object) => {
    const steps: HandshakeStep[] = [];
    const bench = new Bench(side, { onStep: (step: HandshakeStep) => steps.push(step), ...overrides });
    bench.feed(bench.other.hello(), bench.other.seal(AUTH));
    return { steps, bench };
  };

  it.each([
    [
      'A',
      ['keys', 'cert', 'sent HELLO', 'received HELLO', 'shared-key', 'mac-keys', 'sent AUTH', 'received AUTH', 'authenticated'],
    ],
    [
      'B',
      ['received HELLO', 'shared-key', 'mac-keys', 'keys', 'cert', 'sent HELLO', 'received AUTH', 'sent AUTH', 'authenticated'],
    ],
  ] as const)('come in order, with every check passed, for %s', (side, expected) => {
    const { steps } = play(side, {});
    const names = steps.flatMap((step) =>
      step.step === 'check' ? [] : ['type' in step ? `${step.step} ${step.type}` : step.step],
    );
    expect(names).toEqual(expected);
    const checks = steps.flatMap((step) => (step.step === 'check' ? [step] : []));
    expect(checks.every(({ ok, detail }) => ok && detail.length > 10)).toBe(true);
    expect(checks.map(({ check }) => check)).toEqual([
      'certificate not expired',
      'certificate signed by the peerID for our network',
      'peerID as expected',
      'peerID not banned',
      'X25519 key not of small order',
      'overlay versions overlap',
      'peerID not our own',
      'networkID equal',
      'listeningPort from 1 to 65535',
      'no other connection with this peerID',
      'sequence 0 and MAC good',
      'flags 200',
    ]);
  });

  it('do not change the sent bytes', () => {
    const { bench } = play('A', {});
    const quiet = new Bench('A');
    quiet.feed(quiet.other.hello(), quiet.other.seal(AUTH));
    expect(bench.sent()).toEqual(quiet.sent());
  });

  it('name the key of each MAC, and contain the sent bytes', () => {
    const { steps, bench } = play('A', {});
    const bodies = steps.flatMap((step) => (step.step === 'sent' ? [[step.type, toHex(step.body), step.macKey]] : []));
    const sent = bench.sent().slice(0, 2);
    expect(bodies).toEqual([
      ['HELLO', toHex(sent[0]?.body as Uint8Array), undefined],
      ['AUTH', toHex(sent[1]?.body as Uint8Array), 'K_AB'],
    ]);
    const received = steps.flatMap((step) => (step.step === 'received' ? [step.macKey] : []));
    expect(received).toEqual([undefined, 'K_BA']);
    expect(play('B', {}).steps.flatMap((step) => (step.step === 'received' ? [step.macKey] : []))).toEqual([undefined, 'K_AB']);
  });

  it('end with the check that failed', () => {
    for (const [overrides, check] of [
      [{ isBanned: () => true }, 'peerID not banned'],
      [{ expectedPeerID: pubnet1.B.publicKeyStrKey }, 'peerID as expected'],
      [{ claimPeerID: () => false }, 'no other connection with this peerID'],
    ] as const) {
      const last = play('B', overrides)
        .steps.filter(({ step }) => step === 'check')
        .at(-1);
      expect(last).toMatchObject({ step: 'check', check, ok: false });
    }
  });

  it('include the check for a small-order key; the error names the network of the HELLO', () => {
    const steps: HandshakeStep[] = [];
    const onStep = (step: HandshakeStep) => steps.push(step);
    refused('B', { cert: certOf('B', { pubkey: new Uint8Array(32) }) }, { onStep });
    expect(steps.at(-1)).toMatchObject({ check: 'X25519 key not of small order', ok: false });
    const { bench } = refused('B', { networkID: new Uint8Array(32), cert: { ...certOf('B', {}), sig: new Uint8Array(64) } });
    expect(bench.error.message).toContain(`its HELLO names network ${'00'.repeat(32)}`);
  });
});
