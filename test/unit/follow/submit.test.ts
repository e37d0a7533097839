import { setImmediate } from 'node:timers/promises';
import {
  Account,
  Asset,
  type FeeBumpTransaction,
  Keypair,
  Operation,
  Transaction,
  TransactionBuilder,
  xdr,
} from '@stellar/stellar-base';
import { beforeAll, describe, expect, it } from 'vitest';
import { type SubmitOptions, type SubmitResult, submit } from '../../../src/follow/index.ts';
import { hasTransaction, readTransaction, readXdrText, summarizeTxSet } from '../../../src/follow/transactions.ts';
import type { ConnectOptions } from '../../../src/net/options.ts';
import { toHex } from '../../../src/protocol/bytes.ts';
import { OverlayError } from '../../../src/protocol/errors.ts';
import { networks } from '../../../src/protocol/networks.ts';
import { ManualClock } from '../../../src/testing/clock.ts';
import { MockLedgers, type MockLedgersOptions } from '../../../src/testing/mock-ledgers.ts';
import { MockValidators, mockTxSet } from '../../../src/testing/mock-validators.ts';
import { ledgers, messageOf } from '../../support/ledgers.ts';
import { passing } from '../../support/passing.ts';

const { passphrase } = networks.standalone;
const key = Keypair.fromRawEd25519Seed(Buffer.alloc(32, 7));

interface Limits {
  readonly maxTime?: number;
  readonly maxLedger?: number;
}

function payment({ maxTime = 0, maxLedger }: Limits = {}, sequence = '1'): Transaction {
  const builder = new TransactionBuilder(new Account(key.publicKey(), sequence), {
    fee: '100',
    networkPassphrase: passphrase,
    timebounds: { minTime: 0, maxTime },
    ...(maxLedger !== undefined && { ledgerbounds: { minLedger: 0, maxLedger } }),
  });
  const transaction = builder
    .addOperation(Operation.payment({ destination: key.publicKey(), asset: Asset.native(), amount: '1' }))
    .build();
  transaction.sign(key);
  return transaction;
}

const xdrOf = (transaction: Transaction | FeeBumpTransaction): Uint8Array => new Uint8Array(transaction.toEnvelope().toXDR());

/** A submit to nodes in memory, on a manual clock. */
class Scene {
  readonly clock = new ManualClock();
  readonly validators = new MockValidators();
  readonly nodes: readonly MockLedgers[];
  readonly demands: string[] = [];
  readonly result: Promise<SubmitResult>;
  settled = false;

  constructor(transaction: Uint8Array, nodes: readonly MockLedgersOptions[] = [{}, {}], options: Partial<SubmitOptions> = {}) {
    this.nodes = nodes.map((node) => new MockLedgers(this.validators, node));
    const { network, quorumSet } = this.validators;
    this.result = submit({
      transaction,
      peers: nodes.map((_, i) => `node:${i + 1}`),
      network,
      quorumSet,
      clock: this.clock,
      connect: ({ port = 0, ...rest }: ConnectOptions) => (this.nodes[port - 1] as MockLedgers).connect({ ...rest, port }),
      onDemand: (address) => this.demands.push(address),
      ...options,
    }).finally(() => {
      this.settled = true;
    });
    this.result.catch(() => {});
  }

  /** Closes ledgers, five seconds each, until it is over. */
  async run(transactions: (ledgerSeq: number) => readonly Uint8Array[] = () => []): Promise<SubmitResult> {
    await this.settle();
    for (let i = 0; i < 100 && !this.settled; i++) {
      for (let step = 0; step < 10; step++) {
        this.clock.advance(500);
        await this.settle();
      }
      const ledger = this.validators.close({ transactions: transactions(this.validators.last.ledgerSeq + 1) });
      for (const node of this.nodes) node.publish(ledger);
      await this.settle();
    }
    return passing(this.clock, this.result);
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 30; i++) await setImmediate();
  }
}

// The converter is read from disk once, in time that no clock of ours knows.
beforeAll(() => summarizeTxSet(new Uint8Array(4)));

describe('submit', () => {
  it('advertises the transaction, sends it on demand, and ends when a ledger contains it', async () => {
    const transaction = payment();
    const scene = new Scene(xdrOf(transaction));
    const result = await scene.run((seq) => (seq === 1002 ? (scene.nodes[0]?.transactions ?? []) : []));
    expect(result).toMatchObject({
      outcome: 'included',
      ledger: { ledgerSeq: 1002 },
      transactionHash: transaction.hash().toString('hex'),
      demandedBy: ['node:1', 'node:2'],
    });
    expect(scene.demands).toEqual(['node:1', 'node:2']);
    // It is offered again after each ledger, and a peer that has it does not demand it again.
    for (const node of scene.nodes) expect(node.transactions.map(toHex)).toEqual([toHex(xdrOf(transaction))]);
    expect(scene.clock.timers).toBe(0);
  });

  it('sends the transaction once for each advert, however often a peer demands it', async () => {
    const transaction = xdrOf(payment());
    let demands = 0;
    const greedy: MockLedgersOptions = {
      says(message, honest) {
        if (message.type !== 'FLOOD_ADVERT') return honest;
        demands += 50;
        return Array.from({ length: 50 }, () => ({ type: 'FLOOD_DEMAND', txHashes: message.txHashes }) as const);
      },
    };
    const scene = new Scene(transaction, [greedy]);
    await scene.run((seq) => (seq === 1003 ? [transaction] : []));
    expect(demands).toBe(200);
    expect(scene.nodes[0]?.requests.TRANSACTION).toBe(4);
  });

  it('finds the transaction in a ledger that the peers remember', async () => {
    const transaction = xdrOf(payment());
    const scene = new Scene(transaction, [{}]);
    const result = await scene.run((seq) => (seq === 1000 ? [transaction] : []));
    expect(result).toMatchObject({ outcome: 'included', ledger: { ledgerSeq: 1000 } });
  });

  it('ends with expired when a ledger closes at maxTime or later without it', async () => {
    const scene = new Scene(xdrOf(payment({ maxTime: 1_767_225_600 + 15 })));
    expect(await scene.run()).toMatchObject({ outcome: 'expired', from: 1000, to: 1002 });
    expect(scene.clock.timers).toBe(0);
  });

  it('ends with expired when the last ledger of its bounds closes without it', async () => {
    const scene = new Scene(xdrOf(payment({ maxLedger: 1004 })));
    expect(await scene.run()).toMatchObject({ outcome: 'expired', from: 1000, to: 1003 });
  });

  it('does not end with expired after a gap, because a missed ledger may contain it', async () => {
    const transaction = xdrOf(payment({ maxTime: 1_767_225_600 + 30 }));
    const scene = new Scene(transaction, [
      { remembers: 1, passesOn: ({ ledgerSeq, envelopes }) => (ledgerSeq === 1001 ? [] : envelopes) },
    ]);
    expect(await scene.run()).toMatchObject({ outcome: 'timeout', from: 1000, to: 1005 });
  });

  it('ends with timeout after timeoutMs', async () => {
    const scene = new Scene(xdrOf(payment()), [{}], { timeoutMs: 22_000 });
    expect(await scene.run()).toMatchObject({ outcome: 'timeout', from: 1000, to: 1003 });
    expect(scene.clock.timers).toBe(0);
  });

  it('ends with refused when every peer sends an ERROR_MSG', async () => {
    const connect = async ({ host }: ConnectOptions): Promise<never> => {
      throw new OverlayError('OVERLAY_PEER_ERROR', {
        stage: 'auth',
        message: `${host} refused`,
        peerError: { code: 'ERR_LOAD', message: 'peer rejected' },
      });
    };
    const scene = new Scene(xdrOf(payment()), [{}, {}], { connect });
    const result = await scene.run();
    expect(result).toMatchObject({ outcome: 'refused', demandedBy: [] });
    expect(Object.keys(result.outcome === 'refused' ? result.errors : {})).toEqual(['node:1', 'node:2']);
  });

  it('does not end with refused when the peers cannot be reached', async () => {
    const connect = async (): Promise<never> => {
      throw new OverlayError('OVERLAY_CONNECTION_REFUSED', { stage: 'tcp' });
    };
    const scene = new Scene(xdrOf(payment()), [{}, {}], { connect, timeoutMs: 10_000 });
    const result = await scene.run();
    expect(result).toMatchObject({ outcome: 'timeout' });
    expect(result).not.toHaveProperty('to', expect.any(Number));
  });

  it('throws OVERLAY_ABORTED when its signal aborts', async () => {
    const controller = new AbortController();
    const scene = new Scene(xdrOf(payment()), [{}], { signal: controller.signal });
    await scene.settle();
    controller.abort();
    await expect(passing(scene.clock, scene.result)).rejects.toMatchObject({ code: 'OVERLAY_ABORTED' });
    expect(scene.clock.timers).toBe(0);
  });

  it.each<[string, Uint8Array]>([
    ['an empty input', new Uint8Array(0)],
    ['other bytes', new Uint8Array(100).fill(9)],
    ['an incomplete transaction', xdrOf(payment()).slice(0, -4)],
    ['a transaction with bytes after it', Uint8Array.from([...xdrOf(payment()), 0, 0, 0, 0])],
  ])('throws a TypeError for %s, and dials nothing', async (_name, transaction) => {
    const scene = new Scene(transaction);
    await expect(scene.result).rejects.toThrow(TypeError);
    expect(scene.nodes.flatMap(({ connections }) => connections)).toEqual([]);
  });
});

describe('transactions in a transaction set', () => {
  it('are found as transactions, not as bytes inside another one', async () => {
    const mine = payment();
    const inner = xdrOf(mine);
    const bump = TransactionBuilder.buildFeeBumpTransaction(key, '200', mine, passphrase);
    bump.sign(key);
    const carrier = new TransactionBuilder(new Account(key.publicKey(), '9'), {
      fee: '100',
      networkPassphrase: passphrase,
      timebounds: { minTime: 0, maxTime: 0 },
    })
      .addOperation(
        Operation.invokeContractFunction({
          contract: 'CA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUWDA',
          function: 'keep',
          args: [xdr.ScVal.scvBytes(Buffer.from(inner))],
        }),
      )
      .build();
    carrier.sign(key);
    const previous = new Uint8Array(32);
    expect(await hasTransaction(mockTxSet(previous, [inner]), inner)).toBe(true);
    expect(await hasTransaction(mockTxSet(previous, [xdrOf(payment({}, '5')), inner]), inner)).toBe(true);
    expect(await hasTransaction(mockTxSet(previous, [xdrOf(payment({}, '5'))]), inner)).toBe(false);
    expect(await hasTransaction(mockTxSet(previous, [xdrOf(carrier)]), inner)).toBe(false);
    expect(await hasTransaction(mockTxSet(previous, [xdrOf(bump)]), xdrOf(bump))).toBe(true);
    // Bytes of an unknown kind: the result is undefined.
    const unknown = mockTxSet(previous, [Uint8Array.from([0, 0, 0, 99, ...inner])]);
    expect(await hasTransaction(unknown, inner)).toBeUndefined();
  });

  it('have the same hash as in Stellar’s own library, for every envelope type', async () => {
    const mine = payment({ maxTime: 1_800_000_000, maxLedger: 77 });
    expect(await readTransaction(xdrOf(mine), networks.standalone)).toMatchObject({
      transactionHash: mine.hash().toString('hex'),
      maxTime: 1_800_000_000,
      maxLedger: 77,
    });
    const bump = TransactionBuilder.buildFeeBumpTransaction(key, '200', mine, passphrase);
    bump.sign(key);
    bump.sign(Keypair.fromRawEd25519Seed(Buffer.alloc(32, 8)));
    expect(await readTransaction(xdrOf(bump), networks.standalone)).toMatchObject({
      transactionHash: bump.hash().toString('hex'),
      maxTime: 1_800_000_000,
    });
    const v1 = mine.toEnvelope().v1();
    const tx = v1.tx();
    const v0 = xdr.TransactionEnvelope.envelopeTypeTxV0(
      new xdr.TransactionV0Envelope({
        tx: new xdr.TransactionV0({
          sourceAccountEd25519: tx.sourceAccount().ed25519(),
          fee: tx.fee(),
          seqNum: tx.seqNum(),
          timeBounds: new xdr.TimeBounds({
            minTime: xdr.Uint64.fromString('0'),
            maxTime: xdr.Uint64.fromString('1800000000'),
          }),
          memo: tx.memo(),
          operations: tx.operations(),
          ext: new xdr.TransactionV0Ext(0),
        }),
        signatures: v1.signatures(),
      }),
    );
    const old = new Transaction(v0, passphrase);
    expect(await readTransaction(new Uint8Array(v0.toXDR()), networks.standalone)).toMatchObject({
      transactionHash: old.hash().toString('hex'),
      maxTime: 1_800_000_000,
      maxLedger: undefined,
    });
    expect((await readTransaction(xdrOf(payment()), networks.standalone)).maxTime).toBeUndefined();
  });

  it('are counted by type of operation, in recorded sets of a stellar-core', async () => {
    const summaries = await Promise.all(
      Object.values(ledgers.txSets).map((hex) => {
        const message = messageOf(hex);
        return message.type === 'GENERALIZED_TX_SET' ? summarizeTxSet(message.generalizedTxSet) : undefined;
      }),
    );
    const busy = summaries.filter((summary) => summary !== undefined && summary.transactions > 0);
    expect(busy).toHaveLength(15);
    for (const summary of busy) expect(summary?.operations).toEqual({ payment: summary?.transactions });
    expect(await summarizeTxSet(new Uint8Array(64).fill(1))).toBeUndefined();
  });

  it('are read from base64, hex and binary files', () => {
    const bytes = xdrOf(payment());
    const base64 = Buffer.from(bytes).toString('base64');
    for (const text of [base64, `${base64}\n`, base64.replace(/.{64}/g, '$&\n'), Buffer.from(bytes).toString('hex'), bytes])
      expect(readXdrText(typeof text === 'string' ? Buffer.from(text) : text)).toEqual(bytes);
    expect(() => readXdrText(Buffer.from('hello, world!'))).toThrow(TypeError);
    expect(() => readXdrText(new Uint8Array(0))).toThrow(TypeError);
  });
});
