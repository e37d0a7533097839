import { Keypair, xdr } from '@stellar/stellar-base';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { sodiumCrypto } from '../../../src/crypto/sodium.ts';
import { webCrypto } from '../../../src/crypto/web.ts';
import { NodeIdentity, networkFromPassphrase, networks, verifySCPEnvelope } from '../../../src/index.ts';
import { scpSignaturePayload, verifySCPEnvelope as verifyWith } from '../../../src/protocol/auth/scp-envelope.ts';
import { fromHex, toHex } from '../../../src/protocol/bytes.ts';
import { readMessage } from '../../../src/protocol/wire/authenticated-message.ts';
import { type SCPEnvelope, type SCPPledges, type SCPStatement, stellarMessage } from '../../../src/protocol/wire/messages.ts';
import { XdrReader } from '../../../src/protocol/xdr/reader.ts';
import { bodyOf, transcripts, vectors } from '../../support/vectors.ts';

/** Every SCP envelope a stellar-core has sent in a recorded connection, with the network it was recorded on. */
const recorded = transcripts.flatMap(([, { records, network }]) =>
  records
    .filter(({ type }) => type === 'SCP_MESSAGE')
    .map(({ frameHex }) => readMessage(bodyOf(frameHex)))
    .flatMap((message) =>
      message.type === 'SCP_MESSAGE' ? [{ envelope: message.envelope, networkID: network.networkIdHex }] : [],
    ),
);

/** The envelope of the message vectors: a nomination on pubnet. */
const vector = ((): SCPEnvelope => {
  const json = vectors.messages.find(({ type }) => type === 'SCP_MESSAGE');
  const message = stellarMessage.read(new XdrReader(fromHex(json?.stellarMessageHex ?? '')));
  if (message.type !== 'SCP_MESSAGE') throw new Error('no SCP_MESSAGE');
  return message.envelope;
})();

const PLEDGES: Readonly<Record<string, string>> = { SCP_ST_PREPARE: 'scpStPrepare', SCP_ST_CONFIRM: 'scpStConfirm' };
const PUBNET = networks.pubnet.networkID;
const verify = (envelope: SCPEnvelope, networkID = PUBNET) => verifyWith(envelope, { networkID }, nodeCrypto);

describe('the signature of an SCP envelope', () => {
  it('is good on its network, and bad on another, for each recorded envelope', () => {
    expect(recorded.length).toBe(114);
    for (const { envelope, networkID } of recorded) {
      expect(verify(envelope, networkID)).toBe(true);
      expect(verify(envelope, PUBNET)).toBe(false);
    }
  });

  it.each<SCPPledges>([
    {
      type: 'SCP_ST_PREPARE',
      quorumSetHash: new Uint8Array(32).fill(7),
      ballot: { counter: 3, value: Uint8Array.of(1, 2, 3, 4, 5) },
      prepared: { counter: 2, value: new Uint8Array(0) },
      preparedPrime: null,
      nC: 1,
      nH: 2,
    },
    {
      type: 'SCP_ST_CONFIRM',
      ballot: { counter: 0xffffffff, value: new Uint8Array(41) },
      nPrepared: 4,
      nCommit: 3,
      nH: 5,
      quorumSetHash: new Uint8Array(32).fill(9),
    },
  ])('is good for a $type that another implementation has signed', (pledges) => {
    const signer = Keypair.random();
    const statement: SCPStatement = { nodeID: signer.publicKey(), slotIndex: (1n << 53n) + 1n, pledges };
    const payload = scpSignaturePayload(PUBNET, statement);
    const theirs = xdr.ScpStatement.fromXDR(Buffer.from(payload.subarray(36)));
    expect(theirs.pledges().switch().name).toBe(PLEDGES[pledges.type]);
    const scp = xdr.EnvelopeType.envelopeTypeScp().value;
    const signed = Buffer.concat([fromHex(PUBNET), Uint8Array.of(0, 0, 0, scp), theirs.toXDR()]);
    const signature = new Uint8Array(signer.sign(signed));
    expect(verify({ statement, signature })).toBe(true);
    expect(verify({ statement: { ...statement, slotIndex: 1n }, signature })).toBe(false);
  });

  it('is good for the message vectors, and covers the networkID, the envelope type and the statement', () => {
    expect(verify(vector)).toBe(true);
    const payload = toHex(scpSignaturePayload(PUBNET, vector.statement));
    expect(payload.startsWith(`${networks.pubnet.networkID}00000001`)).toBe(true);
    expect(payload.length / 2).toBe(36 + 172 - 4 - 68);
  });

  it('is verified with the same result by any provider, and without a provider at the root', () => {
    for (const crypto of [nodeCrypto, webCrypto, sodiumCrypto]) {
      expect(verifySCPEnvelope(vector, networks.pubnet, crypto)).toBe(verifyWith(vector, networks.pubnet, crypto));
      expect(verifySCPEnvelope(vector, networks.testnet, crypto)).toBe(false);
    }
    expect(verifySCPEnvelope(vector, networks.pubnet)).toBe(true);
    expect(verifySCPEnvelope(vector, networkFromPassphrase(networks.pubnet.passphrase))).toBe(true);
    expect(verifySCPEnvelope(vector, networks.testnet)).toBe(false);
  });

  it('is bad with any bit flipped', () => {
    for (let bit = 0; bit < 512; bit++) {
      const signature = vector.signature.slice();
      signature[bit >> 3] = (signature[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(verify({ ...vector, signature })).toBe(false);
    }
  });

  it('is bad with any field of the statement changed', () => {
    const { statement } = vector;
    const { pledges } = statement;
    if (pledges.type !== 'SCP_ST_NOMINATE') throw new Error('not a nomination');
    const changed: readonly SCPStatement[] = [
      { ...statement, nodeID: NodeIdentity.random().peerID },
      { ...statement, slotIndex: statement.slotIndex + 1n },
      { ...statement, pledges: { ...pledges, quorumSetHash: new Uint8Array(32) } },
      { ...statement, pledges: { ...pledges, votes: [] } },
      { ...statement, pledges: { ...pledges, votes: [], accepted: pledges.votes } },
      { ...statement, pledges: { ...pledges, votes: [...pledges.votes, new Uint8Array(0)] } },
    ];
    for (const forged of changed) expect(verify({ ...vector, statement: forged })).toBe(false);
  });

  it('is bad with another length', () => {
    for (const length of [0, 1, 32, 63, 65, 128]) {
      const signature = new Uint8Array(length);
      signature.set(vector.signature.subarray(0, length));
      expect(verify({ ...vector, signature })).toBe(false);
    }
  });

  it('causes a TypeError when the networkID is wrong', () => {
    for (const length of [0, 31, 33]) expect(() => verify(vector, '00'.repeat(length))).toThrow(TypeError);
    expect(() => verify(vector, 'xy'.repeat(32))).toThrow(TypeError);
    expect(() => verify(vector, fromHex(PUBNET) as never)).toThrow(TypeError);
  });

  it('causes a TypeError or RangeError when the statement is invalid', () => {
    const { statement } = vector;
    expect(() => verify({ ...vector, statement: { ...statement, nodeID: 'nobody' } })).toThrow(TypeError);
    expect(() => verify({ ...vector, statement: { ...statement, slotIndex: -1n } })).toThrow(RangeError);
  });
});
