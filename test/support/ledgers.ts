/**
 * 26 consecutive ledgers of a running stellar-core, and the checkpoint before: its SCP messages, its quorum set, and each
 * transaction set.
 * @module
 */
import { readFileSync } from 'node:fs';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { fromHex } from '../../src/protocol/bytes.ts';
import { makeNetwork, type Network } from '../../src/protocol/networks.ts';
import { type SCPEnvelope, type StellarMessage, stellarMessage } from '../../src/protocol/wire/messages.ts';
import { XdrReader } from '../../src/protocol/xdr/reader.ts';

interface LedgersJson {
  readonly networkPassphrase: string;
  readonly peerID: string;
  /** SCP_QUORUMSET by hash, hex. */
  readonly quorumSets: Readonly<Record<string, string>>;
  readonly envelopes: readonly {
    readonly slotIndex: string;
    readonly type: string;
    readonly nodeID: string;
    /** SCP_MESSAGE, hex. */
    readonly message: string;
  }[];
  /** GENERALIZED_TX_SET by hash, hex. */
  readonly txSets: Readonly<Record<string, string>>;
}

export const ledgers = JSON.parse(readFileSync(new URL('../vectors/data/ledgers.json', import.meta.url), 'utf8')) as LedgersJson;

export const ledgersNetwork: Network = makeNetwork(ledgers.networkPassphrase, nodeCrypto);

/** The StellarMessage of its hex. */
export function messageOf(hex: string): StellarMessage {
  const reader = new XdrReader(fromHex(hex));
  const message = stellarMessage.read(reader);
  reader.expectEnd();
  return message;
}

/** Every envelope in the order it came. */
export const envelopes: readonly SCPEnvelope[] = ledgers.envelopes.map(({ message }) => {
  const received = messageOf(message);
  if (received.type !== 'SCP_MESSAGE') throw new Error(received.type);
  return received.envelope;
});
