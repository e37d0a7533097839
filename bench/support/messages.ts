/**
 * The messages that are measured: the shortest, two of consensus as they are on the network, a large transaction set.
 * @module
 */
import { createHash } from 'node:crypto';
import { encodePublicKey, type StellarMessage } from '../../src/protocol/index.ts';

/** Names of the cases, with the size of the StellarMessage in bytes. */
export const MESSAGE_CASES = ['get-scp-state-8', 'scp-message-220', 'scp-message-324', 'generalized-tx-set-1MiB'] as const;
export type MessageCase = (typeof MESSAGE_CASES)[number];

/** A message of the case. @param i makes it different from the others */
export function makeMessage(name: MessageCase, i: number): StellarMessage {
  switch (name) {
    case 'get-scp-state-8':
      return { type: 'GET_SCP_STATE', ledgerSeq: i };
    case 'scp-message-220':
      return {
        type: 'SCP_MESSAGE',
        envelope: {
          statement: {
            nodeID: NODE_ID,
            slotIndex: BigInt(i),
            pledges: {
              type: 'SCP_ST_EXTERNALIZE',
              commit: { counter: 1, value: bytes('value', 56) },
              nH: 1,
              commitQuorumSetHash: bytes('quorum set', 32),
            },
          },
          signature: bytes('signature', 64),
        },
      };
    case 'scp-message-324':
      return {
        type: 'SCP_MESSAGE',
        envelope: {
          statement: {
            nodeID: NODE_ID,
            slotIndex: BigInt(i),
            pledges: {
              type: 'SCP_ST_CONFIRM',
              ballot: { counter: 1, value: bytes('value', 152) },
              nPrepared: 1,
              nCommit: 1,
              nH: 1,
              quorumSetHash: bytes('quorum set', 32),
            },
          },
          signature: bytes('signature', 64),
        },
      };
    case 'generalized-tx-set-1MiB':
      return { type: 'GENERALIZED_TX_SET', generalizedTxSet: TX_SET };
  }
}

function bytes(text: string, length: number): Uint8Array {
  let out = createHash('sha512').update(text).digest();
  while (out.length < length) out = Buffer.concat([out, createHash('sha512').update(out).digest()]);
  return Uint8Array.from(out.subarray(0, length));
}

const NODE_ID = encodePublicKey(bytes('node', 32));

/**
 * XDR of a GeneralizedTransactionSet of one phase and as many payments as fit into 1 MiB: valid structure, made-up
 * signatures. The message with its 4-byte type has 1,048,560 bytes.
 */
const TX_SET = txSet(0x100000 - 4);

function txSet(maxBytes: number): Uint8Array {
  const transaction = Buffer.concat([
    u32(2), // ENVELOPE_TYPE_TX
    u32(0, bytes('source', 32)), // sourceAccount, ed25519
    u32(100), // fee
    u32(0, u32(7)), // seqNum
    u32(0), // no preconditions
    u32(0), // no memo
    u32(1), // one operation
    u32(0), // no source of its own
    u32(1), // PAYMENT
    u32(0, bytes('destination', 32)),
    u32(0), // native asset
    u32(0, u32(1000)), // amount
    u32(0), // ext
    u32(1), // one signature
    bytes('hint', 4),
    u32(64, bytes('signature', 64)),
  ]);
  const head = Buffer.concat([
    u32(1), // v1
    bytes('previous ledger', 32),
    u32(1), // one phase
    u32(0), // v0
    u32(1), // one component
    u32(0), // TXSET_COMP_TXS_MAYBE_DISCOUNTED_FEE
    u32(0), // no base fee
  ]);
  const count = Math.floor((maxBytes - head.length - 4) / transaction.length);
  return new Uint8Array(Buffer.concat([head, u32(count), ...Array<Buffer>(count).fill(transaction)]));
}

function u32(value: number, rest: Uint8Array = new Uint8Array(0)): Buffer {
  const out = Buffer.alloc(4 + rest.length);
  out.writeUInt32BE(value);
  out.set(rest, 4);
  return out;
}
