/**
 * Signatures of SCP statements, for applications.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import type { CryptoProvider } from '../protocol/auth/crypto.ts';
import { verifySCPEnvelope as verify } from '../protocol/auth/scp-envelope.ts';
import type { Network } from '../protocol/networks.ts';
import type { SCPEnvelope } from '../protocol/wire/messages.ts';

/**
 * Whether the node named in an SCP statement signed it, for this network. A connection proves who its peer is. Statements of
 * other nodes that the peer relays are proved by this signature only.
 *
 * @example
 * for await (const message of connection) {
 *   if (message.type === 'SCP_MESSAGE' && !verifySCPEnvelope(message.envelope, networks.pubnet)) console.log('forged')
 * }
 *
 * @param network our own network
 * @param crypto verifies. Default: `nodeCrypto`
 * @returns also false for a signature of another length, and for a node ID that is not a valid key
 * @throws {TypeError | RangeError} when the network or the statement is not of its type; never for an envelope that was
 * received
 */
export function verifySCPEnvelope(
  envelope: SCPEnvelope,
  network: Pick<Network, 'networkID'>,
  crypto: CryptoProvider = nodeCrypto,
): boolean {
  return verify(envelope, network, crypto);
}
