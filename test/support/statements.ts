/**
 * Messages as a peer sends them, for functions that take their bytes.
 * @module
 */
import { type SCPEnvelope, type StellarMessage, stellarMessage } from '../../src/protocol/wire/messages.ts';
import { XdrWriter } from '../../src/protocol/xdr/writer.ts';

/** The XDR of a message, its type included. */
export function messageXdr(message: StellarMessage): Uint8Array {
  const writer = new XdrWriter();
  stellarMessage.write(writer, message);
  return writer.take();
}

/** The XDR of an SCP_MESSAGE. */
export function scpXdr(envelope: SCPEnvelope): Uint8Array {
  return messageXdr({ type: 'SCP_MESSAGE', envelope });
}
