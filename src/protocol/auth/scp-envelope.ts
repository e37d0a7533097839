/**
 * Who says it: the signature of an SCP statement, made for one network (protocol.md section 2.7).
 * @module
 */
import { assertBytes, concatBytes } from '../bytes.ts';
import { ENVELOPE_TYPE_SCP, HASH_BYTES } from '../constants.ts';
import { decodePublicKey } from '../strkey.ts';
import { type SCPEnvelope, type SCPStatement, scpStatement } from '../wire/messages.ts';
import { XdrWriter } from '../xdr/writer.ts';
import type { CryptoProvider } from './crypto.ts';

/**
 * What the signature covers, unhashed: networkID, ENVELOPE_TYPE_SCP as a 4-byte enum, XDR of the statement.
 * @param networkID 32 bytes
 * @throws {TypeError | RangeError} when networkID is not 32 bytes or the statement not of its type
 */
export function scpSignaturePayload(networkID: Uint8Array, statement: SCPStatement): Uint8Array {
  const signed = new XdrWriter();
  signed.uint32(ENVELOPE_TYPE_SCP);
  scpStatement.write(signed, statement);
  return concatBytes(assertBytes(networkID, HASH_BYTES, 'networkID'), signed.take());
}

/**
 * Whether the signature of an envelope is its node's, over this network. Strict ed25519, and 64 bytes of signature, as
 * everywhere. The channel does not check it: a peer passes on what other nodes have said, and its MAC vouches only for
 * the peer (HerderImpl.cpp verifyEnvelope).
 * @param networkID the verifier's own network, 32 bytes
 * @throws {TypeError | RangeError} when networkID is not 32 bytes or the statement not of its type; never for one that was received
 */
export function verifySCPEnvelope(crypto: CryptoProvider, networkID: Uint8Array, envelope: SCPEnvelope): boolean {
  const { statement, signature } = envelope;
  return crypto.verify(decodePublicKey(statement.nodeID), scpSignaturePayload(networkID, statement), signature);
}
