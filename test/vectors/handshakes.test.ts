import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { authCertPayload, makeAuthCert, verifyAuthCert } from '../../src/protocol/auth/auth-cert.ts';
import {
  deriveMacKeys,
  deriveSharedKey,
  macKeyInput,
  sendingKeyName,
  sharedKeyInput,
  sides,
} from '../../src/protocol/auth/key-schedule.ts';
import { fromHex, isAllZero, toHex, utf8Encode } from '../../src/protocol/bytes.ts';
import { MacReceiver, MacSender } from '../../src/protocol/channel/mac.ts';
import { MAC_BYTES, MAX_RECORD_BYTES, MAX_UNAUTHENTICATED_RECORD_BYTES } from '../../src/protocol/constants.ts';
import type { HandshakeStep } from '../../src/protocol/handshake/steps.ts';
import { makeNetwork, networkName, networks } from '../../src/protocol/networks.ts';
import { Peer, type PeerOptions } from '../../src/protocol/peer.ts';
import { crc16, decodePublicKey, decodeSecretSeed, encodePublicKey, encodeSecretSeed } from '../../src/protocol/strkey.ts';
import {
  checkAuthenticatedMessage,
  messageXdr,
  readMessage,
  type SendableMessage,
  writeRecord,
} from '../../src/protocol/wire/authenticated-message.ts';
import { encodeRecord, RecordDecoder } from '../../src/protocol/wire/framing.ts';
import { messageFields, stellarMessage } from '../../src/protocol/wire/messages.ts';
import { XdrReader } from '../../src/protocol/xdr/reader.ts';
import { XdrWriter } from '../../src/protocol/xdr/writer.ts';
import {
  at,
  bodyOf,
  eventLine,
  eventsOf,
  type HandshakeJson,
  optionsOf,
  peerAuthOf,
  pubnet1,
  type RecordJson,
  recordsOf,
  type SideName,
  split,
  stream,
  typeOf,
  vectors,
} from '../support/vectors.ts';

const SIDES = ['A', 'B'] as const;

describe('networks of the vectors', () => {
  it.each(vectors.networks)('$passphrase has the given networkID', ({ passphrase, passphraseUtf8Hex, networkIdHex }) => {
    expect(toHex(utf8Encode(passphrase))).toBe(passphraseUtf8Hex);
    expect(makeNetwork(passphrase, nodeCrypto).networkID).toBe(networkIdHex);
    expect(toHex(nodeCrypto.sha256(utf8Encode(passphrase)))).toBe(networkIdHex);
  });

  it('match the networkIDs in the library', () => {
    for (const [name, network] of Object.entries(networks)) {
      expect(createHash('sha256').update(network.passphrase).digest('hex')).toBe(network.networkID);
      expect(networkName(network.networkID)).toBe(name);
    }
  });
});

describe('StrKey of the vectors', () => {
  it('has the checksum 31c3 for 123456789', () => {
    expect(crc16(utf8Encode('123456789')).toString(16)).toBe(vectors.strkey.find(({ crc }) => crc)?.crc);
  });

  it.each(vectors.strkey.filter(({ crc }) => crc === undefined))('$G', ({ dataHex, G, S, crcOfGPayload }) => {
    const data = fromHex(dataHex);
    expect([encodePublicKey(data), encodeSecretSeed(data)]).toEqual([G, S]);
    expect([toHex(decodePublicKey(G)), toHex(decodeSecretSeed(S))]).toEqual([dataHex, dataHex]);
    expect(
      crc16(Uint8Array.of(0x30, ...data))
        .toString(16)
        .padStart(4, '0'),
    ).toBe(crcOfGPayload);
  });
});

describe('record headers of the vectors', () => {
  it.each(vectors.frames)(
    'are accepted or refused for a body of $bodyLength bytes',
    ({ bodyLength, headerHex, acceptedBeforeAuth, acceptedAfterAuth }) => {
      const accepts = (maxBytes: number): boolean => {
        const decoder = new RecordDecoder();
        decoder.push(fromHex(headerHex));
        try {
          return decoder.next(maxBytes) === undefined;
        } catch {
          return false;
        }
      };
      expect([accepts(MAX_UNAUTHENTICATED_RECORD_BYTES), accepts(MAX_RECORD_BYTES)]).toEqual([
        acceptedBeforeAuth,
        acceptedAfterAuth,
      ]);
      if (bodyLength < 10_000) expect(toHex(encodeRecord(new Uint8Array(bodyLength)).subarray(0, 4))).toBe(headerHex);
    },
  );
});

describe.each(vectors.handshakes)('the keys of $id', (handshake) => {
  const { keySchedule } = handshake;
  const networkID = handshake.networkIdHex;

  it.each(SIDES)('%s has the given identity, ECDH key and cert', (side) => {
    const vector = handshake[side];
    const identity = nodeCrypto.signingKey(fromHex(vector.seedHex));
    const ecdh = nodeCrypto.ecdhKey(fromHex(vector.ecdhSecretHex));
    expect(toHex(identity.publicKey)).toBe(vector.publicKeyHex);
    expect(encodePublicKey(identity.publicKey)).toBe(vector.publicKeyStrKey);
    expect(encodeSecretSeed(identity.unsafeExportSeed())).toBe(vector.seedStrKey);
    expect(toHex(ecdh.publicKey)).toBe(vector.ecdhPublicHex);
    expect(toHex(nodeCrypto.ecdhKey(fromHex(vector.ecdhSecretClampedHex)).publicKey)).toBe(vector.ecdhPublicHex);

    const expiration = BigInt(vector.hello.certExpiration);
    const payload = authCertPayload(networkID, expiration, ecdh.publicKey);
    expect(payload.length).toBe(vector.cert.signedPayloadLength);
    expect(toHex(payload)).toBe(vector.cert.signedPayloadHex);
    expect(toHex(nodeCrypto.sha256(payload))).toBe(vector.cert.payloadSha256Hex);
    const cert = makeAuthCert(nodeCrypto, identity, networkID, ecdh.publicKey, expiration);
    expect(toHex(cert.sig)).toBe(vector.cert.signatureHex);
    expect(verifyAuthCert(nodeCrypto, vector.publicKeyStrKey, networkID, cert)).toBe(true);

    const read = readMessage(bodyOf(helloOf(handshake, side).frameHex));
    if (read.type !== 'HELLO') throw new Error(read.type);
    expect(read.cert).toEqual(cert);
    const writer = new XdrWriter();
    messageFields.HELLO.write(writer, read);
    expect(toHex(writer.take())).toContain(vector.cert.certXdrHex);
  });

  it.each(SIDES)('%s derives the given shared secret, shared key and MAC keys', (side) => {
    const role = side === 'A' ? 'WE_CALLED_REMOTE' : 'REMOTE_CALLED_US';
    const [own, remote] = [handshake[side], handshake[side === 'A' ? 'B' : 'A']];
    const ecdh = nodeCrypto.ecdhKey(fromHex(own.ecdhSecretHex));
    const q = ecdh.sharedSecret(fromHex(remote.ecdhPublicHex));
    expect(q && toHex(q)).toBe(keySchedule.sharedSecretHex);
    const publicKeys = sides(role, ecdh.publicKey, fromHex(remote.ecdhPublicHex));
    expect(toHex(sharedKeyInput(q as Uint8Array, publicKeys))).toBe(keySchedule.hkdfExtractInputHex);
    expect(isAllZero(fromHex(keySchedule.hkdfExtractSaltHex))).toBe(true);
    const sharedKey = deriveSharedKey(nodeCrypto, q as Uint8Array, publicKeys);
    expect(toHex(sharedKey)).toBe(keySchedule.sharedKeyHex);
    expect(peerAuthOf(handshake, side).sharedKey(role, fromHex(remote.ecdhPublicHex))).toEqual(sharedKey);

    const nonces = sides(role, fromHex(own.nonceHex), fromHex(remote.nonceHex));
    expect(toHex(macKeyInput('K_AB', nonces))).toBe(keySchedule.expandInputABHex);
    expect(toHex(macKeyInput('K_BA', nonces))).toBe(keySchedule.expandInputBAHex);
    expect(`${keySchedule.expandInfoABHex}01`).toBe(keySchedule.expandInputABHex);
    const { K_AB, K_BA } = deriveMacKeys(nodeCrypto, sharedKey, nonces);
    expect([toHex(K_AB), toHex(K_BA)]).toEqual([keySchedule.macKeyABHex, keySchedule.macKeyBAHex]);
  });

  it.each(SIDES)('%s has these values in its steps with unsafeStepSecrets', (side) => {
    const steps: HandshakeStep[] = [];
    const replay = play(handshake, side, { onStep: (step) => steps.push(step), unsafeStepSecrets: true });
    expect(replay.peer.error?.code).not.toBe('OVERLAY_INTERNAL');
    const of = <S extends HandshakeStep['step']>(name: S) =>
      steps.find((step): step is Extract<HandshakeStep, { step: S }> => step.step === name) as Extract<
        HandshakeStep,
        { step: S }
      >;
    const vector = handshake[side];
    const keys = of('keys');
    expect([keys.role, keys.peerID]).toEqual([side === 'A' ? 'WE_CALLED_REMOTE' : 'REMOTE_CALLED_US', vector.publicKeyStrKey]);
    expect(toHex(keys.secrets?.seed ?? Uint8Array.of())).toBe(vector.seedHex);
    expect(toHex(keys.secrets?.ecdhSecret ?? Uint8Array.of())).toBe(vector.ecdhSecretHex);
    expect([toHex(of('cert').payload), toHex(of('cert').digest)]).toEqual([
      vector.cert.signedPayloadHex,
      vector.cert.payloadSha256Hex,
    ]);
    const shared = of('shared-key');
    expect([toHex(shared.pubA), toHex(shared.pubB)]).toEqual([handshake.A.ecdhPublicHex, handshake.B.ecdhPublicHex]);
    expect(toHex(shared.secrets?.q ?? Uint8Array.of())).toBe(keySchedule.sharedSecretHex);
    expect(toHex(shared.secrets?.sharedKey ?? Uint8Array.of())).toBe(keySchedule.sharedKeyHex);
    const mac = of('mac-keys');
    expect([toHex(mac.inputAB), toHex(mac.inputBA)]).toEqual([keySchedule.expandInputABHex, keySchedule.expandInputBAHex]);
    expect(mac.sendsWith).toBe(sendingKeyName(keys.role));
    expect(toHex(mac.secrets?.K_AB ?? Uint8Array.of())).toBe(keySchedule.macKeyABHex);
    expect(toHex(mac.secrets?.K_BA ?? Uint8Array.of())).toBe(keySchedule.macKeyBAHex);
    expect(of('authenticated').remote).toBe(replay.peer.remote);
  });

  it('a MAC key in a step is a copy: it is not wiped with the connection', () => {
    const steps: HandshakeStep[] = [];
    play(handshake, 'A', { onStep: (step) => steps.push(step), unsafeStepSecrets: true }).peer.close('OVERLAY_CLOSED');
    const mac = steps.find((step) => step.step === 'mac-keys');
    expect(mac?.step === 'mac-keys' && mac.secrets && toHex(mac.secrets.K_AB)).toBe(keySchedule.macKeyABHex);
  });
});

it('a reconnect with the same ECDH keys has the same shared key, and other MAC keys', () => {
  const again = vectors.handshakes.find(({ id }) => id === 'pubnet-1-reconnect')?.keySchedule;
  expect(again?.sharedKeyHex).toBe(pubnet1.keySchedule.sharedKeyHex);
  expect(again?.macKeyABHex).not.toBe(pubnet1.keySchedule.macKeyABHex);
});

describe.each(vectors.handshakes)('the records of $id', (handshake) => {
  const { keySchedule, transcript } = handshake;

  it.each(transcript.map((record, i) => [i, `${record.from} ${record.message}`, record] as const))(
    '%i, %s has the given structure',
    (_i, _name, record) => {
      const body = bodyOf(record.frameHex);
      expect(toHex(body)).toBe(record.authenticatedMessageHex);
      expect(checkAuthenticatedMessage(body, false)).toBe(record.message);
      expect(toHex(messageXdr(body))).toBe(record.stellarMessageHex);
      expect(toHex(body.subarray(body.length - MAC_BYTES))).toBe(record.macHex);
      if (record.macInputHex !== null) expect(toHex(body.subarray(4, body.length - MAC_BYTES))).toBe(record.macInputHex);
      expect(toHex(encodeRecord(body))).toBe(record.frameHex);
    },
  );

  it.each(SIDES)('are written with the same bytes, and verified with its MAC key: those of %s', (side) => {
    const key = fromHex(side === 'A' ? keySchedule.macKeyABHex : keySchedule.macKeyBAHex);
    const sender = new MacSender(nodeCrypto.macKey(key));
    const receiver = new MacReceiver(nodeCrypto.macKey(key));
    for (const record of transcript.filter(({ from }) => from === side)) {
      const writer = new XdrWriter();
      const body = writeRecord(writer, readMessage(bodyOf(record.frameHex)));
      if (record.authenticated) {
        expect([sender.sequence, receiver.sequence]).toEqual([BigInt(record.sequence), BigInt(record.sequence)]);
        sender.seal(writer.bytes, body, writer.length);
        receiver.verify(bodyOf(record.frameHex));
      }
      expect(toHex(writer.take())).toBe(record.frameHex);
    }
  });

  it.each(SIDES)('are sent by a peer in the role of %s, which accepts those of the other side', (side) => {
    const { own, events, peer } = play(handshake, side);
    const expected = transcript.filter(({ from }) => from === side).filter((_, i, all) => i <= indexOfError(all));
    expect(own).toEqual(expected.map(({ frameHex }) => frameHex));
    expect(peer.remote?.peerID).toBe(handshake[side === 'A' ? 'B' : 'A'].publicKeyStrKey);
    expect(events.slice(0, 2).map((line) => line.split(' ')[0])).toEqual(['hello', 'authenticated']);
    const messages = transcript.filter(({ from, message }) => from !== side && APPLICATION.includes(message));
    const told = events.filter((line) => /^(message|pong)/.test(line));
    expect(told).toEqual(
      messages.map(({ message, stellarMessageHex }) =>
        message === 'DONT_HAVE' ? `pong ${stellarMessageHex.slice(16)}` : `message ${message} ${stellarMessageHex}`,
      ),
    );
  });

  it.each(SIDES)('give %s the same messages for any chunks', (side) => {
    const whole = play(handshake, side);
    const bytes = stream(transcript.filter(({ from }) => from !== side).map(({ frameHex }) => frameHex));
    const fed = (chunks: readonly Uint8Array[]) => {
      const peer = new Peer(options(handshake, side));
      peer.start(startOf(handshake, side));
      const now = at(Number(handshake.nowSeconds));
      const ping = transcript.find(({ message }) => message === 'GET_SCP_QUORUMSET');
      const events: string[] = [];
      for (const chunk of chunks) {
        peer.push(chunk);
        for (let event = peer.next(now); event !== undefined; event = peer.next(now)) {
          if (event.type === 'authenticated' && side === 'A' && ping) peer.ping(fromHex(ping.stellarMessageHex.slice(8)));
          events.push(eventLine(event));
        }
      }
      const output = recordsOf(peer.takeOutput(now)).map(({ frameHex }) => frameHex);
      return { events, output };
    };
    const all = fed([bytes]);
    expect(all.events).toEqual(whole.events);
    expect(all.output).toEqual(whole.own.filter((frame) => typeOf(bodyOf(frame)) !== 'ERROR_MSG'));
    expect(fed(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(all);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 40 }), (cuts) => {
        expect(fed(split(bytes, cuts))).toEqual(all);
      }),
      { numRuns: 30 },
    );
  });
});

it('a grant in place of the ERROR_MSG of pubnet-1 adds to the credit', () => {
  const peer = new Peer(options(pubnet1, 'A'));
  const now = at(Number(pubnet1.nowSeconds));
  peer.start(now);
  const frames = pubnet1.transcript.filter(({ from, message }) => from === 'B' && message !== 'ERROR_MSG');
  peer.push(stream(frames.map(({ frameHex }) => frameHex)));
  eventsOf(peer, now);
  expect(peer.error).toBeUndefined();
  expect(peer.credit).toEqual({ messages: 240n, bytes: 365_536n });
});

describe('the sequence numbers of the vectors', () => {
  it.each(vectors.macSequences)(
    'are sealed and verified at $sequence',
    ({ sequence, keyHex, stellarMessageHex, macInputHex, macHex, frameHex }) => {
      const first = BigInt(sequence);
      const sender = new MacSender(nodeCrypto.macKey(fromHex(keyHex)), first);
      const writer = new XdrWriter();
      const body = writeRecord(writer, fromHex(stellarMessageHex));
      sender.seal(writer.bytes, body, writer.length);
      const frame = writer.take();
      expect(toHex(frame)).toBe(frameHex);
      expect(toHex(frame.subarray(8, frame.length - MAC_BYTES))).toBe(macInputHex);
      expect(toHex(frame.subarray(frame.length - MAC_BYTES))).toBe(macHex);
      const receiver = new MacReceiver(nodeCrypto.macKey(fromHex(keyHex)), first);
      receiver.verify(bodyOf(frameHex));
      const next = (first + 1n) % (1n << 64n);
      expect([sender.sequence, receiver.sequence]).toEqual([next, next]);
      expect(() => receiver.verify(bodyOf(frameHex))).toThrow(`sequence ${first} where ${next} was expected`);
    },
  );

  it('continue across 2^32', () => {
    const key = nodeCrypto.macKey(new Uint8Array(32).fill(1));
    const sender = new MacSender(key, 2n ** 32n - 1n);
    const receiver = new MacReceiver(key, 2n ** 32n - 1n);
    for (let i = 0; i < 3; i++) {
      const writer = new XdrWriter();
      const body = writeRecord(writer, { type: 'GET_SCP_STATE', ledgerSeq: i });
      sender.seal(writer.bytes, body, writer.length);
      receiver.verify(writer.take().subarray(4));
    }
    expect(receiver.sequence).toBe(2n ** 32n + 2n);
  });
});

describe('the messages of the vectors', () => {
  it.each(vectors.messages.map((message, i) => [i, message.type, message] as const))(
    '%i, %s is read and written unchanged',
    (_i, type, vector) => {
      const xdr = fromHex(vector.stellarMessageHex);
      expect(xdr.length).toBe(vector.xdrSize);
      const message = stellarMessage.read(new XdrReader(xdr));
      expect(message.type).toBe(type);
      const writer = new XdrWriter();
      stellarMessage.write(writer, message);
      expect(toHex(writer.take())).toBe(vector.stellarMessageHex);
      expect(flat(message)).toMatchObject(expectedFields(type, vector.fields));
    },
  );
});

/** Messages that an application gets. */
const APPLICATION = ['PEERS', 'GET_SCP_STATE', 'GET_SCP_QUORUMSET', 'DONT_HAVE'];

function helloOf(handshake: HandshakeJson, side: SideName): RecordJson {
  return handshake.transcript.find(({ from, message }) => from === side && message === 'HELLO') as RecordJson;
}

function indexOfError(records: readonly RecordJson[]): number {
  const index = records.findIndex(({ message }) => message === 'ERROR_MSG');
  return index < 0 ? records.length : index;
}

/** When A dials so that its cert has the expiration of the vectors; B signs its cert beforehand. */
function startOf(handshake: HandshakeJson, side: SideName) {
  return at(side === 'A' ? Number(handshake.A.hello.certExpiration) - 3600 : Number(handshake.nowSeconds));
}

function options(handshake: HandshakeJson, side: SideName, overrides: Partial<PeerOptions> = {}): PeerOptions {
  const scpState = handshake.transcript.find(({ from, message }) => from === side && message === 'GET_SCP_STATE') as RecordJson;
  const peers = handshake.transcript.find(({ message }) => message === 'PEERS');
  const read = peers && readMessage(bodyOf(peers.frameHex));
  return optionsOf(handshake, side, {
    scpStateLedgerSeq: Number.parseInt(scpState.stellarMessageHex.slice(8), 16),
    peers: read?.type === 'PEERS' ? read.peers : undefined,
    ...overrides,
  });
}

/** Plays a transcript with a peer in place of one side, up to its ERROR_MSG. */
function play(handshake: HandshakeJson, side: SideName, overrides: Partial<PeerOptions> = {}) {
  const peer = new Peer(options(handshake, side, overrides));
  const now = at(Number(handshake.nowSeconds));
  peer.start(startOf(handshake, side));
  const own: string[] = [];
  const events: string[] = [];
  const take = () => own.push(...recordsOf(peer.takeOutput(now)).map(({ frameHex }) => frameHex));
  take();
  for (const record of handshake.transcript) {
    if (record.from === side) {
      if (record.message === 'GET_SCP_QUORUMSET') peer.ping(fromHex(record.stellarMessageHex.slice(8)));
      if (record.message === 'ERROR_MSG') peer.close('OVERLAY_PEER_REJECTED');
    } else {
      peer.push(fromHex(record.frameHex));
      events.push(...eventsOf(peer, now).map(eventLine));
    }
    take();
  }
  return { peer, own, events };
}

/** Fields of a message, those of a nested structure beside the others, bytes as hex. */
function flat(message: SendableMessage | object): Record<string, unknown> {
  const text = JSON.stringify(message, (_key, value) =>
    value instanceof Uint8Array ? toHex(value) : typeof value === 'bigint' ? String(value) : value,
  );
  const fields = JSON.parse(text) as Record<string, unknown>;
  for (const name of ['qSet', 'startCollecting', 'stopCollecting', 'request', 'response', 'envelope'])
    Object.assign(fields, fields[name]);
  return fields;
}

function expectedFields(type: string, fields: Record<string, unknown>): Record<string, unknown> {
  const { A, B } = pubnet1;
  switch (type) {
    case 'ERROR_MSG':
      return { code: fields.code === 2 ? 'ERR_CONF' : 'ERR_MISC', msg: fields.text };
    case 'DONT_HAVE':
      return { reqType: 'SCP_QUORUMSET', reqHash: fields.reqHash };
    case 'PEERS': {
      const peers = fields.peers as readonly { ipv4?: string; port: number; numFailures: number }[];
      return { peers: peers.map(({ ipv4, port, numFailures }) => ({ ip: ipv4 ?? '2001:db8::1', port, numFailures })) };
    }
    case 'GET_TX_SET':
      return { txSetHash: fields.hash };
    case 'GET_SCP_QUORUMSET':
      return { qSetHash: fields.hash };
    case 'SCP_QUORUMSET':
      return {
        threshold: 2,
        validators: [encodePublicKey(new Uint8Array(32).fill(0x11))],
        innerSets: [{ threshold: 2, innerSets: [] }],
      };
    case 'SCP_MESSAGE':
      return {
        statement: { nodeID: A.publicKeyStrKey, slotIndex: '60000001', pledges: { type: 'SCP_ST_NOMINATE', accepted: [] } },
      };
    case 'TIME_SLICED_SURVEY_START_COLLECTING':
    case 'TIME_SLICED_SURVEY_STOP_COLLECTING':
      return { surveyorID: A.publicKeyStrKey, nonce: fields.nonce, ledgerNum: fields.ledgerNum };
    case 'TIME_SLICED_SURVEY_REQUEST':
      return { surveyorPeerID: A.publicKeyStrKey, surveyedPeerID: B.publicKeyStrKey, commandType: 'TIME_SLICED_SURVEY_TOPOLOGY' };
    case 'TIME_SLICED_SURVEY_RESPONSE':
      return { surveyedPeerID: B.publicKeyStrKey, encryptedBody: '000102' };
    default:
      return fields;
  }
}
