/**
 * The validators of a mock network: they close a ledger every few seconds, with a signed statement of each.
 * @module
 */
import { nodeCrypto } from '../../crypto/node.ts';
import type { Clock } from '../../net/clock.ts';
import type { SigningKey } from '../../protocol/auth/crypto.ts';
import { scpSignaturePayload } from '../../protocol/auth/scp-envelope.ts';
import { fromHex, toHex, utf8Encode } from '../../protocol/bytes.ts';
import type { Network } from '../../protocol/networks.ts';
import { quorumSetHash } from '../../protocol/scp/quorum-set.ts';
import { stellarValue, stellarValueSignaturePayload } from '../../protocol/scp/stellar-value.ts';
import { encodePublicKey } from '../../protocol/strkey.ts';
import type { SCPEnvelope, SCPQuorumSet, SCPStatement } from '../../protocol/wire/messages.ts';
import { XdrWriter } from '../../protocol/xdr/writer.ts';
import { mockTxSet } from '../mock-validators.ts';
import type { SeededRandom } from './random.ts';

/** State of a mock validator, in the words of stellar-core's `quorum` command. */
export type MockValidatorState = 'validating' | 'delayed' | 'disagrees' | 'missing';

/** A validator of a mock network. */
export interface MockValidator {
  /** `G…`. */
  readonly peerID: string;
  readonly state: MockValidatorState;
  readonly quorumSet: SCPQuorumSet;
  /** Hash of its quorum set, 64 hex digits. */
  readonly quorumSetHash: string;
}

/** The first ledger of a mock network. */
const FIRST_LEDGER = 50_000_000;
/** Number of ledgers a node keeps, as in stellar-core. */
const REMEMBERED_LEDGERS = 12;
/** Number of ledgers that a delayed validator is behind. */
const DELAYED_BY = 40;

/** Options of a consensus. */
export interface ConsensusOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** Keys of the validators; a validator with a node has the node's key. */
  readonly keys: readonly SigningKey[];
  readonly states: readonly MockValidatorState[];
  readonly ledgerMs: number;
}

/** The validators and their current statements. */
export class MockConsensus {
  readonly validators: readonly MockValidator[];
  readonly #options: ConsensusOptions;
  readonly #networkID: string;
  readonly #startMs: number;
  readonly #startSeconds: number;
  readonly #envelopes = new Map<string, SCPEnvelope>();
  readonly #quorumSets = new Map<string, SCPQuorumSet>();
  /** Transaction sets by their hash as hex, the latest last. */
  readonly #txSets = new Map<string, Uint8Array>();
  #invented: readonly SCPEnvelope[] | undefined;

  constructor(options: ConsensusOptions) {
    this.#options = options;
    this.#networkID = options.network.networkID;
    const { monotonicMs, unixSeconds } = options.clock.now();
    this.#startMs = monotonicMs;
    this.#startSeconds = Math.floor(unixSeconds);
    const peerIDs = options.keys.map(({ publicKey }) => encodePublicKey(publicKey));
    const threshold = Math.floor((2 * peerIDs.length) / 3) + 1;
    const flat: SCPQuorumSet = { threshold, validators: [...peerIDs], innerSets: [] };
    // Every third has two inner sets: the same nodes, but another hash.
    const half = Math.ceil(peerIDs.length / 2);
    const sets = [peerIDs.slice(0, half), peerIDs.slice(half)].filter((part) => part.length > 0);
    const nested: SCPQuorumSet = {
      threshold: sets.length,
      validators: [],
      innerSets: sets.map((validators) => ({ threshold: Math.floor(validators.length / 2) + 1, validators, innerSets: [] })),
    };
    this.validators = peerIDs.map((peerID, i) => {
      const quorumSet = i % 3 === 2 ? nested : flat;
      const hash = toHex(quorumSetHash(nodeCrypto, quorumSet));
      this.#quorumSets.set(hash, quorumSet);
      return { peerID, state: options.states[i] as MockValidatorState, quorumSet, quorumSetHash: hash };
    });
  }

  /** The latest closed ledger. */
  get ledgerSeq(): number {
    const { clock, ledgerMs } = this.#options;
    return FIRST_LEDGER + DELAYED_BY + Math.floor((clock.now().monotonicMs - this.#startMs) / ledgerMs);
  }

  /** A quorum set by its hash. */
  quorumSet(hash: Uint8Array): SCPQuorumSet | undefined {
    return this.#quorumSets.get(toHex(hash));
  }

  /** The transaction set of a ledger that is still kept, XDR of a GeneralizedTransactionSet, by its hash. */
  txSet(hash: Uint8Array): Uint8Array | undefined {
    return this.#txSets.get(toHex(hash));
  }

  /** The answer of a node to GET_SCP_STATE: the statements of the ledgers it keeps, oldest first. */
  state(fromLedger = 0): readonly SCPEnvelope[] {
    const latest = this.ledgerSeq;
    const envelopes: SCPEnvelope[] = [];
    for (const [i, { state }] of this.validators.entries())
      if (state === 'delayed') envelopes.push(this.#externalize(i, FIRST_LEDGER));
    for (let ledger = Math.max(latest - REMEMBERED_LEDGERS + 1, fromLedger); ledger <= latest; ledger++)
      envelopes.push(...this.ofLedger(ledger));
    return envelopes;
  }

  /** The statements about one ledger. */
  ofLedger(ledger: number): readonly SCPEnvelope[] {
    return this.validators.flatMap(({ state }, i) =>
      state === 'validating' || state === 'disagrees' ? [this.#externalize(i, ledger)] : [],
    );
  }

  /** Statements of invented keys, each signed by its own key. They claim a ledger far in the future. */
  invented(count: number): readonly SCPEnvelope[] {
    if (this.#invented === undefined) {
      const value = this.#value(FIRST_LEDGER + 7, true);
      const [{ quorumSetHash: hash } = { quorumSetHash: '00'.repeat(32) }] = this.validators;
      this.#invented = Array.from({ length: count }, (_, i) => {
        const key = nodeCrypto.signingKey(this.#options.random.bytes(`invented ${i}`));
        return this.#sign(key, BigInt(FIRST_LEDGER + 1_000_000), value, fromHex(i % 2 === 0 ? hash : '11'.repeat(32)));
      });
    }
    return this.#invented;
  }

  #externalize(index: number, ledger: number): SCPEnvelope {
    const id = `${index} ${ledger}`;
    let envelope = this.#envelopes.get(id);
    if (envelope === undefined) {
      const { state, quorumSetHash: hash } = this.validators[index] as MockValidator;
      const value = this.#value(ledger, state === 'disagrees');
      envelope = this.#sign(this.#options.keys[index] as SigningKey, BigInt(ledger), value, fromHex(hash));
      this.#envelopes.set(id, envelope);
    }
    return envelope;
  }

  #sign(key: SigningKey, slotIndex: bigint, value: Uint8Array, commitQuorumSetHash: Uint8Array): SCPEnvelope {
    const statement: SCPStatement = {
      nodeID: encodePublicKey(key.publicKey),
      slotIndex,
      pledges: { type: 'SCP_ST_EXTERNALIZE', commit: { counter: 1, value }, nH: 1, commitQuorumSetHash },
    };
    return { statement, signature: key.sign(scpSignaturePayload(this.#networkID, statement)) };
  }

  /** The value of a ledger, signed by the first validator, with the hash of a set that contains the previous ledger's hash. */
  #value(ledger: number, isOther: boolean): Uint8Array {
    const { keys, ledgerMs } = this.#options;
    const previousLedgerHash = nodeCrypto.sha256(utf8Encode(`ledger ${ledger - 1}`));
    const txSet = mockTxSet(previousLedgerHash, isOther ? [new Uint8Array(4)] : []);
    const txSetHash = nodeCrypto.sha256(txSet);
    this.#txSets.set(toHex(txSetHash), txSet);
    // Keep the sets of both values, and those that a peer may be about to request.
    for (const hash of [...this.#txSets.keys()].slice(0, -4 * REMEMBERED_LEDGERS)) this.#txSets.delete(hash);
    const seconds = Math.max(1, Math.round(ledgerMs / 1000));
    const closeTime = BigInt(this.#startSeconds + (ledger - FIRST_LEDGER - DELAYED_BY) * seconds);
    const [key] = keys as [SigningKey];
    const unsigned = { txSetHash, closeTime, upgrades: [], ext: { type: 'STELLAR_VALUE_BASIC' } } as const;
    const signature = key.sign(stellarValueSignaturePayload(this.#networkID, unsigned));
    const lcValueSignature = { nodeID: encodePublicKey(key.publicKey), signature };
    const writer = new XdrWriter();
    stellarValue.write(writer, { ...unsigned, ext: { type: 'STELLAR_VALUE_SIGNED', lcValueSignature } });
    return writer.take();
  }
}
