/**
 * The signature of an SCP statement, made for one network (protocol.md section 2.7).
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
 * The bytes that the signature covers, unhashed: networkID, ENVELOPE_TYPE_SCP as a 4-byte enum, XDR of the statement.
 * @param networkID 64 hex digits
 * @throws {TypeError | RangeError} when networkID is anything else or the statement does not fit its type
 */
export function scpSignaturePayload(networkID: string, statement: SCPStatement): Uint8Array {
  const signed = new XdrWriter();
  signed.uint32(ENVELOPE_TYPE_SCP);
  scpStatement.write(signed, statement);
  return concatBytes(networkIDBytes(networkID), signed.take());
}

/**
 * Whether the node named in an SCP statement signed it, for this network: strict ed25519, 64 bytes of signature. The channel
 * does not check this: a peer relays statements of other nodes, and its MAC only proves that the peer sent them (HerderImpl.cpp
 * verifyEnvelope). The library root exports this function with node:crypto as the default of `crypto`.
 * @param network our own network
 * @returns also false for a signature of another length, and for a node ID that is not a valid key
 * @throws {TypeError | RangeError} when the network or the statement is not of its type; never for an envelope that was
 * received
 */
export function verifySCPEnvelope(
  envelope: SCPEnvelope,
  { networkID }: Pick<Network, 'networkID'>,
  crypto: CryptoProvider,
): boolean {
  const { statement, signature } = envelope;
  return crypto.verify(decodePublicKey(statement.nodeID), scpSignaturePayload(networkID, statement), signature);
}
