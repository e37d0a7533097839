import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { authCertPayload, makeAuthCert, verifyAuthCert } from '../../src/protocol/auth/auth-cert.ts';
import { deriveMacKeys, deriveSharedKey, type PeerRole, sides } from '../../src/protocol/auth/key-schedule.ts';
import { PeerAuth } from '../../src/protocol/auth/peer-auth.ts';
import { concatBytes, fromHex, isAllZero, toHex } from '../../src/protocol/bytes.ts';
import { MacReceiver, MacSender } from '../../src/protocol/channel/mac.ts';
import { MAC_BYTES } from '../../src/protocol/constants.ts';
import { ERROR_TABLE, type OverlayErrorCode } from '../../src/protocol/error-table.ts';
import { Peer, type PeerEvent } from '../../src/protocol/peer.ts';
import { decodePublicKey } from '../../src/protocol/strkey.ts';
import { ProtocolViolation } from '../../src/protocol/violation.ts';
import {
  checkAuthenticatedMessage,
  messageXdr,
  readMessage,
  writeRecord,
} from '../../src/protocol/wire/authenticated-message.ts';
import { type Hello, type StellarMessage, scpStatement } from '../../src/protocol/wire/messages.ts';
import { XdrWriter } from '../../src/protocol/xdr/writer.ts';
import {
  at,
  bodyOf,
  eventLine,
  eventsOf,
  recordsOf,
  split,
  stream,
  type TranscriptJson,
  transcript,
  transcripts,
} from '../support/vectors.ts';

/**
 * Number of our first record, counted among ours, that a peer would not have sent: the recording client broke a rule on
 * purpose there, or (the last three) granted in batches of 20.
 */
const UNLIKE_US: Readonly<Record<string, number>> = {
  'reject-corrupt-xdr': 0,
  'reject-corrupt-xdr-core-dials-us': 0,
  'reject-wrong-network-passphrase': 0,
  'reject-wrong-network-passphrase-core-dials-us': 0,
  'reject-silent-other-network-core-dials-us': 0,
  'reject-silent-expired-cert-core-dials-us': 0,
  'reject-flow-control-bytes-disabled': 1,
  'reject-flow-control-bytes-disabled-core-dials-us': 1,
  'reject-unexpected-auth-sequence': 1,
  'reject-unexpected-auth-sequence-core-dials-us': 1,
  'reject-unexpected-mac-core-dials-us': 1,
  'reject-out-of-order-auth-core-dials-us': 2,
  'reject-silent-send-more': 2,
  'reject-silent-send-more-core-dials-us': 2,
  'reject-skipped-sequence-after-auth': 2,
  'dial-core': 4,
  'core-dials-us': 4,
  traffic: 4,
};

/** Transcripts in which this side sees the fault before the peer's ERROR_MSG. */
const WE_REFUSE_TOO: Readonly<Record<string, OverlayErrorCode>> = {
  'reject-connecting-to-self': 'OVERLAY_CONNECTING_TO_SELF',
  'reject-connecting-to-self-core-dials-us': 'OVERLAY_CONNECTING_TO_SELF',
  'reject-wrong-protocol-version': 'OVERLAY_WRONG_PROTOCOL_VERSION',
  'reject-wrong-protocol-version-core-dials-us': 'OVERLAY_WRONG_PROTOCOL_VERSION',
};

const LONG = ['dial-core', 'core-dials-us', 'traffic'] as const;

describe.each(transcripts)('the recorded connection %s', (name, recorded) => {
  const { ours, core, derived, records } = recorded;
  const ourHello = records.find(({ from, type }) => from === 'ours' && type === 'HELLO');

  it('has our key, cert and HELLO with the same bytes', () => {
    const { hello } = ours;
    const identity = nodeCrypto.signingKey(fromHex(ours.seedHex));
    const ecdh = nodeCrypto.ecdhKey(fromHex(ours.ecdhSecretHex));
    expect([toHex(identity.publicKey), toHex(ecdh.publicKey)]).toEqual([ours.publicKeyHex, ours.ecdhPublicHex]);
    // The signed networkID is not always the one in HELLO.
    const signedFor = name.includes('wrong-network-passphrase') ? recorded.network.networkIdHex : hello.networkIdHex;
    const cert = makeAuthCert(nodeCrypto, identity, signedFor, ecdh.publicKey, BigInt(hello.certExpiration));
    expect(toHex(cert.sig)).toBe(hello.certSignatureHex);
    const writer = new XdrWriter();
    const { ledgerVersion, overlayVersion, overlayMinVersion, versionStr, listeningPort } = hello;
    writeRecord(writer, {
      type: 'HELLO',
      ...{ ledgerVersion, overlayVersion, overlayMinVersion, versionStr, listeningPort, cert },
      networkID: fromHex(hello.networkIdHex),
      peerID: ours.publicKeyStrKey,
      nonce: fromHex(ours.nonceHex),
    });
    const frame = toHex(writer.take());
    if (!name.includes('corrupt-xdr')) expect(frame).toBe(ourHello?.frameHex);
    else expect(ourHello?.frameHex.slice(8)).toContain(frame.slice(8, -2 * MAC_BYTES));
  });

  it('has records of stellar-core that are well-formed, with the next sequence and a good MAC', () => {
    const receiver = derived && new MacReceiver(nodeCrypto.macKey(keyOf(recorded, 'core')));
    for (const { type, frameHex } of records.filter(({ from }) => from === 'core')) {
      const body = bodyOf(frameHex);
      expect(checkAuthenticatedMessage(body, false)).toBe(type);
      if (type === 'HELLO' || type === 'ERROR_MSG') expect(isBare(body)).toBe(true);
      else receiver?.verify(body);
    }
  });

  it('has our records with the same bytes, and the refused one is refused here for the same reason', () => {
    const receiver = derived && new MacReceiver(nodeCrypto.macKey(keyOf(recorded, 'ours')));
    const refused: (string | undefined)[] = [];
    for (const { type, sequence, frameHex } of records.filter(({ from }) => from === 'ours')) {
      const body = bodyOf(frameHex);
      if (name.includes('corrupt-xdr')) {
        expect(() => checkAuthenticatedMessage(body, false)).toThrow('4 bytes left over');
        continue;
      }
      expect(checkAuthenticatedMessage(body, false)).toBe(type);
      const writer = new XdrWriter();
      const start = writeRecord(writer, readMessage(body));
      if (type !== 'HELLO') {
        new MacSender(nodeCrypto.macKey(keyOf(recorded, 'ours')), BigInt(sequence)).seal(writer.bytes, start, writer.length);
        try {
          receiver?.verify(body);
        } catch (error) {
          if (!(error instanceof ProtocolViolation)) throw error;
          refused.push(ERROR_TABLE[error.code].told?.[1]);
        }
      }
      const made = writer.take();
      // There the last bit of the MAC was flipped.
      if (name.includes('unexpected-mac') && type === 'AUTH') made[made.length - 1] = (made[made.length - 1] as number) ^ 1;
      expect(toHex(made)).toBe(frameHex);
    }
    expect(refused).toEqual(refusalOf(recorded)?.code === 'ERR_AUTH' ? [refusalOf(recorded)?.msg] : []);
  });

  it('is repeated by a peer in our place, with the same records and the same end', () => {
    const { peer, sent, remote } = replay(name, recorded);
    const expected = records.filter(({ from }) => from === 'ours').slice(0, UNLIKE_US[name]);
    expect(sent.slice(0, expected.length)).toEqual(expected.map(({ frameHex }) => frameHex));
    expect(remote).toBe(core?.peerIdStrKey);

    const refusal = refusalOf(recorded);
    const own = WE_REFUSE_TOO[name];
    if (own !== undefined) {
      expect(peer.error?.code).toBe(own);
      expect(peer.lastWords()).toEqual({ code: refusal?.code, message: refusal?.msg });
    } else if (refusal !== undefined) {
      expect(peer.error?.code).toBe('OVERLAY_PEER_ERROR');
      expect(peer.error?.peerError).toEqual({ code: refusal.code, message: refusal.msg });
      expect(peer.error?.dropReason).toBe(`${refusal.code} (${refusal.msg.replace(/[^A-Za-z0-9 ]/g, '*')})`);
    } else {
      expect(peer.error).toBeUndefined();
      const event = peer.close('OVERLAY_CONNECTION_CLOSED');
      expect(event?.type === 'closed' && event.error.causeName).toBe(CLOSED_BY[peer.stage]);
    }
  });
});

describe.each(transcripts.filter(([, { core }]) => core !== null))(
  'the keys of the recorded connection %s',
  (_name, recorded) => {
    const { ours, core, derived } = recorded;

    it('include a good cert in the HELLO of stellar-core', () => {
      const hello = coreHello(recorded);
      const expected = (core as NonNullable<typeof core>).hello;
      expect(hello).toMatchObject({
        ledgerVersion: expected.ledgerVersion,
        overlayVersion: expected.overlayVersion,
        overlayMinVersion: expected.overlayMinVersion,
        versionStr: expected.versionStr,
        listeningPort: expected.listeningPort,
        peerID: core?.peerIdStrKey,
      });
      expect(toHex(hello.networkID)).toBe(expected.networkIdHex);
      expect([toHex(hello.nonce), toHex(hello.cert.pubkey)]).toEqual([expected.nonceHex, expected.ecdhPublicHex]);
      expect([String(hello.cert.expiration), toHex(hello.cert.sig)]).toEqual([
        expected.certExpiration,
        expected.certSignatureHex,
      ]);
      expect(verifyAuthCert(nodeCrypto, hello.peerID, recorded.network.networkIdHex, hello.cert)).toBe(true);
      expect(authCertPayload(toHex(hello.networkID), hello.cert.expiration, hello.cert.pubkey).length).toBe(76);
    });

    it('are derived for both sides', () => {
      const hello = coreHello(recorded);
      const ecdh = nodeCrypto.ecdhKey(fromHex(ours.ecdhSecretHex));
      const q = ecdh.sharedSecret(hello.cert.pubkey) as Uint8Array;
      const sharedKey = deriveSharedKey(nodeCrypto, q, sides(roleOf(recorded), ecdh.publicKey, hello.cert.pubkey));
      const { K_AB, K_BA } = deriveMacKeys(nodeCrypto, sharedKey, sides(roleOf(recorded), fromHex(ours.nonceHex), hello.nonce));
      expect([toHex(q), toHex(sharedKey)]).toEqual([derived?.sharedSecretHex, derived?.sharedKeyHex]);
      expect([toHex(K_AB), toHex(K_BA)]).toEqual([derived?.macKeyInitiatorToAcceptorHex, derived?.macKeyAcceptorToInitiatorHex]);
    });
  },
);

const CLOSED_BY: Readonly<Record<string, string>> = {
  hello: 'closed-before-hello',
  auth: 'closed-before-auth',
  channel: 'closed-by-peer',
};

describe.each(LONG)('the recorded traffic %s', (name) => {
  const recorded = transcript(name);

  it('is sent again by a peer in our place, except for the size of its grants', () => {
    const { sent, events } = replay(name, recorded);
    const isGrant = (xdr: string) => xdr.startsWith('00000014');
    const xdrs = sent.map((frame) => toHex(messageXdr(bodyOf(frame))));
    const ours = recorded.records
      .filter(({ from }) => from === 'ours')
      .map(({ frameHex }) => toHex(messageXdr(bodyOf(frameHex))));
    expect(xdrs.filter((xdr) => !isGrant(xdr))).toEqual(ours.filter((xdr) => !isGrant(xdr)));
    const sizes = events.flatMap((event) =>
      event.type === 'message' && FLOOD.includes(event.message.type) ? [event.message.xdr.length] : [],
    );
    const grants = xdrs.filter(isGrant);
    expect(grants[0]).toBe('00000014000000c8000493e0');
    expect(grants.slice(1)).toEqual(
      Array.from({ length: Math.floor(sizes.length / 40) }, (_, i) => {
        const bytes = sizes.slice(40 * i, 40 * i + 40).reduce((sum, size) => sum + size, 0);
        return `0000001400000028${bytes.toString(16).padStart(8, '0')}`;
      }),
    );
  });

  it('is delivered to the application unchanged and in order', () => {
    const { events } = replay(name, recorded);
    const told = events.flatMap((event) => (event.type === 'message' ? [toHex(event.message.xdr)] : []));
    const pongs = events.filter(({ type }) => type === 'pong').length;
    const pings = recorded.records.filter(
      ({ from, frameHex }) => from === 'ours' && isPing(readMessage(bodyOf(frameHex))),
    ).length;
    expect(pongs).toBe(pings);
    const came = recorded.records
      .filter(({ from, type }) => from === 'core' && !['HELLO', 'AUTH', 'SEND_MORE_EXTENDED'].includes(type))
      .map(({ frameHex }) => toHex(messageXdr(bodyOf(frameHex))));
    expect(came.filter((xdr) => told.includes(xdr))).toEqual(told);
    expect(told.length + pongs).toBe(came.length);
  });

  it('gives the same events for any chunks', () => {
    const frames = recorded.records.filter(({ from }) => from === 'core').map(({ frameHex }) => frameHex);
    const bytes = stream(frames);
    const fed = (chunks: readonly Uint8Array[]) => {
      const { peer, now } = peerFor(name, recorded);
      const lines = chunks.flatMap((chunk) => {
        peer.push(chunk);
        return eventsOf(peer, now).map(eventLine);
      });
      return [lines, recordsOf(peer.takeOutput(now)).map(({ frameHex }) => frameHex)];
    };
    const whole = fed([bytes]);
    expect(whole).toEqual(fed(frames.map(fromHex)));
    expect(fed(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(whole);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 200 }), (cuts) => {
        expect(fed(split(bytes, cuts))).toEqual(whole);
      }),
      { numRuns: 10 },
    );
  });

  it('has good signatures in all SCP messages', () => {
    let verified = 0;
    for (const { type, frameHex } of recorded.records) {
      const message = type === 'SCP_MESSAGE' ? readMessage(bodyOf(frameHex)) : undefined;
      if (message?.type !== 'SCP_MESSAGE') continue;
      const { statement, signature } = message.envelope;
      const writer = new XdrWriter();
      writer.uint32(1);
      scpStatement.write(writer, statement);
      const signed = concatBytes(fromHex(recorded.network.networkIdHex), writer.take());
      expect(nodeCrypto.verify(decodePublicKey(statement.nodeID), signed, signature)).toBe(true);
      verified++;
    }
    expect(verified).toBeGreaterThan(20);
  });
});

it('received transactions have the hashes that were demanded', () => {
  const messages = transcript('traffic').records.map(({ frameHex }) => readMessage(bodyOf(frameHex)));
  const demanded = new Set(messages.flatMap((message) => (message.type === 'FLOOD_DEMAND' ? message.txHashes.map(toHex) : [])));
  const came = messages.flatMap((message) =>
    message.type === 'TRANSACTION' ? [toHex(nodeCrypto.sha256(message.transaction))] : [],
  );
  expect(came.length).toBeGreaterThan(8);
  for (const hash of came) expect(demanded).toContain(hash);
});

const FLOOD = ['SCP_MESSAGE', 'TRANSACTION', 'FLOOD_ADVERT', 'FLOOD_DEMAND'];
/** What a peer sends by itself. */
const AUTOMATIC = ['HELLO', 'AUTH', 'SEND_MORE', 'SEND_MORE_EXTENDED', 'GET_SCP_STATE', 'DONT_HAVE'];

function roleOf({ initiator }: TranscriptJson): PeerRole {
  return initiator === 'ours' ? 'WE_CALLED_REMOTE' : 'REMOTE_CALLED_US';
}

function keyOf({ derived, initiator }: TranscriptJson, from: 'ours' | 'core'): Uint8Array {
  if (derived === null) throw new Error('no keys');
  return fromHex(from === initiator ? derived.macKeyInitiatorToAcceptorHex : derived.macKeyAcceptorToInitiatorHex);
}

function coreHello({ records }: TranscriptJson): Hello {
  const record = records.find(({ from, type }) => from === 'core' && type === 'HELLO');
  const message = record && readMessage(bodyOf(record.frameHex));
  if (message?.type !== 'HELLO') throw new Error('no HELLO');
  return message;
}

/** The ERROR_MSG that ended it. */
function refusalOf({ records }: TranscriptJson): Extract<StellarMessage, { type: 'ERROR_MSG' }> | undefined {
  const record = records.find(({ from, type }) => from === 'core' && type === 'ERROR_MSG');
  const message = record && readMessage(bodyOf(record.frameHex));
  return message?.type === 'ERROR_MSG' ? message : undefined;
}

/** Sequence 0 and a MAC of zeros. */
function isBare(body: Uint8Array): boolean {
  return isAllZero(body.subarray(0, 12)) && isAllZero(body.subarray(body.length - MAC_BYTES));
}

/** A request for a made-up hash: eight random bytes and zeros. */
function isPing(message: StellarMessage): boolean {
  return message.type === 'GET_SCP_QUORUMSET' && isAllZero(message.qSetHash.subarray(8));
}

function peerFor(name: string, { ours, records, network, recordedAtSeconds, ...rest }: TranscriptJson) {
  const { hello } = ours;
  const asksForState = records.some(({ from, type }) => from === 'ours' && type === 'GET_SCP_STATE');
  const networkIdHex = name === 'reject-silent-other-network' ? hello.networkIdHex : network.networkIdHex;
  const identity = nodeCrypto.signingKey(fromHex(ours.seedHex));
  const ecdh = nodeCrypto.ecdhKey(fromHex(ours.ecdhSecretHex));
  const { ledgerVersion, overlayVersion, overlayMinVersion, versionStr, listeningPort } = hello;
  const peer = new Peer({
    role: roleOf({ ours, records, network, recordedAtSeconds, ...rest }),
    crypto: nodeCrypto,
    peerAuth: new PeerAuth(nodeCrypto, identity, ecdh, networkIdHex),
    nonce: fromHex(ours.nonceHex),
    scpStateLedgerSeq: asksForState ? 0 : null,
    ...{ ledgerVersion, overlayVersion, overlayMinVersion, versionStr, listeningPort },
  });
  // An initiator whose cert had expired dialled an hour earlier.
  peer.start(at(Number(hello.certExpiration) - 3600));
  return { peer, now: at(Number(recordedAtSeconds)) };
}

/** Plays a recorded connection with a Peer as our side, and with the actions of its application. */
function replay(name: string, recorded: TranscriptJson) {
  const { peer, now } = peerFor(name, recorded);
  const sent: string[] = [];
  const events: PeerEvent[] = [];
  let remote: string | undefined;
  for (const { from, type, frameHex } of recorded.records) {
    if (from === 'ours') {
      const message = AUTOMATIC.includes(type) ? undefined : readMessage(bodyOf(frameHex));
      if (message?.type === 'GET_SCP_QUORUMSET' && isPing(message)) peer.ping(message.qSetHash);
      else if (message !== undefined) peer.send(message as Parameters<Peer['send']>[0], () => {});
    } else {
      peer.push(fromHex(frameHex));
      for (const event of eventsOf(peer, now)) {
        events.push(event);
        if (event.type === 'message') peer.release(event.message);
      }
    }
    remote ??= peer.remote?.peerID;
    sent.push(...recordsOf(peer.takeOutput(now)).map((record) => record.frameHex));
  }
  return { peer, sent, events, remote };
}
