/**
 * Who says it: the signature of an SCP statement, made for one network (protocol.md section 2.7).
 * @module
 */
import { concatBytes } from '../bytes.ts';
import { ENVELOPE_TYPE_SCP } from '../constants.ts';
import { type Network, networkIDBytes } from '../networks.ts';
import { decodePublicKey } from '../strkey.ts';
import { type SCPEnvelope, type SCPStatement, scpStatement } from '../wire/messages.ts';
import { XdrWriter } from '../xdr/writer.ts';
import type { CryptoProvider } from './crypto.ts';

/**
 * What the signature covers, unhashed: networkID, ENVELOPE_TYPE_SCP as a 4-byte enum, XDR of the statement.
 * @param networkID 64 hex digits
 * @throws {TypeError | RangeError} when networkID is anything else or the statement not of its type
 */
export function scpSignaturePayload(networkID: string, statement: SCPStatement): Uint8Array {
  const signed = new XdrWriter();
  signed.uint32(ENVELOPE_TYPE_SCP);
  scpStatement.write(signed, statement);
  return concatBytes(networkIDBytes(networkID), signed.take());
}

/**
 * Whether an SCP statement was signed by the node it names, for this network: strict ed25519, 64 bytes of signature. The
 * channel does not check it: a peer passes on what other nodes have said, and its MAC vouches only for the peer
 * (HerderImpl.cpp verifyEnvelope). The library root exports this function with node:crypto as default of `crypto`.
 * @param network the verifier's own
 * @returns false also for a signature of another length, and for a node ID that is no key
 * @throws {TypeError | RangeError} when the network or the statement is not of its type; never for an envelope that was received
 */
export function verifySCPEnvelope(
  envelope: SCPEnvelope,
  { networkID }: Pick<Network, 'networkID'>,
  crypto: CryptoProvider,
): boolean {
  const { statement, signature } = envelope;
  return crypto.verify(decodePublicKey(statement.nodeID), scpSignaturePayload(networkID, statement), signature);
}
