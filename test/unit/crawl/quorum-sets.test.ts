/** Invalid quorum sets in a whole crawl: it ends, counts none of them, and writes none of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CrawlResult,
  crawl,
  graphml,
  type QuorumSetLine,
  quorumJson,
  stellarbeatJson,
  type ValidatorLine,
} from '../../../src/crawl/index.ts';
import { Listener } from '../../../src/crawl/listener.ts';
import { pageData } from '../../../src/crawl/page.ts';
import { Validators } from '../../../src/crawl/validators.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { scpSignaturePayload } from '../../../src/protocol/auth/scp-envelope.ts';
import { concatBytes, equalBytes, fromHex, toHex } from '../../../src/protocol/bytes.ts';
import { decodePublicKey } from '../../../src/protocol/strkey.ts';
import type { SCPEnvelope, SCPQuorumSet, SCPStatement, StellarMessage } from '../../../src/protocol/wire/messages.ts';
import { ManualClock, type MockPeer } from '../../../src/testing/index.ts';
import { xmlElements } from '../../support/xml.ts';
import { identityOf, Nodes, network, type TestNode } from './nodes.ts';
import { collect, type Found } from './support.ts';

const LEDGER = 1_000;
const VALUE = new Uint8Array(8).fill(5);

/** What one validator sends when it is asked for its quorum set; undefined: nothing. */
type Answer = (hash: Uint8Array) => StellarMessage | Uint8Array | undefined;

interface Bad {
  /** XDR of the set whose hash its statement has. */
  readonly xdr: Uint8Array;
  /** Default: the set. */
  readonly answer?: Answer;
}

const keys = Array.from({ length: 2_000 }, (_, i) => identityOf(1_000 + i).peerID);
const set = (threshold: number, validators: readonly string[], ...innerSets: readonly SCPQuorumSet[]): SCPQuorumSet => ({
  threshold,
  validators,
  innerSets,
});
const nested = (depth: number): SCPQuorumSet => (depth === 0 ? set(1, [keys[0] as string]) : set(1, [], nested(depth - 1)));
const sane = set(1, [keys[1] as string]);

const BAD: Readonly<Record<string, Bad>> = {
  'of another hash': { xdr: xdrOf(set(1, [keys[2] as string])), answer: () => ({ type: 'SCP_QUORUMSET', qSet: sane }) },
  'with threshold 0': { xdr: xdrOf(set(0, keys.slice(0, 3))) },
  'with threshold 0 inside': { xdr: xdrOf(set(1, keys.slice(0, 3), set(0, keys.slice(3, 5)))) },
  'with a threshold above its members': { xdr: xdrOf(set(4, keys.slice(0, 3))) },
  'with the largest threshold': { xdr: xdrOf(set(0xffffffff, keys.slice(0, 3))) },
  'with a member twice': { xdr: xdrOf(set(2, [keys[0] as string, keys[1] as string, keys[0] as string])) },
  'with a member twice, once inside': { xdr: xdrOf(set(1, keys.slice(0, 2), set(1, keys.slice(1, 2)))) },
  'without members': { xdr: xdrOf(set(0, [])) },
  'one level too deep': { xdr: xdrOf(nested(5)) },
  'as deep as stellar-core decodes': { xdr: xdrOf(nested(700)) },
  'of 1,001 members': { xdr: xdrOf(set(501, keys.slice(0, 1_001))) },
  'of thousands of empty sets': { xdr: xdrOf(set(1, keys.slice(0, 1), ...Array.from({ length: 6_000 }, () => set(1, [])))) },
  'that no node has': {
    xdr: xdrOf(set(1, keys.slice(5, 6))),
    answer: (reqHash) => ({ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash }),
  },
  'that no node sends': { xdr: xdrOf(set(1, keys.slice(6, 7))), answer: () => undefined },
};

describe('a crawl with invalid quorum sets', () => {
  const nodes = new Nodes();
  const validators = [...Object.keys(BAD), 'good'].map((name, i) => ({ name, identity: identityOf(300 + i) }));
  const quorumSet = set(
    10,
    validators.map(({ identity }) => identity.peerID),
  );
  const goodHash = toHex(nodeCrypto.sha256(xdrOf(quorumSet)));
  let found: Found;
  let result: CrawlResult;

  beforeAll(async () => {
    const statements = validators.map(({ name, identity }) =>
      externalize(identity, name === 'good' ? xdrOf(quorumSet) : (BAD[name] as Bad).xdr),
    );
    const started: TestNode[] = [];
    for (const [i, { identity }] of validators.slice(0, -1).entries()) {
      started.push(await nodes.start({ ip: `127.11.1.${i + 1}`, identity, statements, answer: answerAs(undefined) }));
    }
    const identity = validators.at(-1)?.identity as (typeof validators)[number]['identity'];
    const answer = answerAs(xdrOf(quorumSet));
    const seed = await nodes.start({ ip: '127.11.0.1', identity, statements, names: started, answer });
    found = await collect(crawl({ network, seeds: [seed.address], allow: ['127.11.0.0/16'], timeoutMs: 10_000 }));
    result = CrawlResult.of(found.events);
  }, 60_000);
  afterAll(() => nodes.close());

  /** Sends every set of the table, and this one. */
  function answerAs(own: Uint8Array | undefined) {
    return (message: StellarMessage, peer: MockPeer): boolean => {
      if (message.type !== 'GET_SCP_QUORUMSET') return false;
      const { qSetHash } = message;
      if (own !== undefined && equalBytes(nodeCrypto.sha256(own), qSetHash)) {
        send(peer, own);
        return true;
      }
      const bad = Object.values(BAD).find(({ xdr }) => equalBytes(nodeCrypto.sha256(xdr), qSetHash));
      if (bad === undefined) return false;
      const answer = bad.answer === undefined ? bad.xdr : bad.answer(qSetHash);
      if (answer instanceof Uint8Array) send(peer, answer);
      else if (answer !== undefined) peer.send(answer);
      return true;
    };
  }

  it('ends, with a result for every node', () => {
    expect(found.end).toMatchObject({ finished: true, counts: { outcomes: { ok: validators.length }, left: 0 } });
  });

  it.each(Object.keys(BAD))('ignores a quorum set %s, and counts its validator by the statement', (name) => {
    const { identity } = validators.find((one) => one.name === name) as (typeof validators)[number];
    const line = result.validators.get(identity.peerID) as ValidatorLine;
    const quorumSetHash = toHex(nodeCrypto.sha256((BAD[name] as Bad).xdr));
    expect(line).toMatchObject({ state: 'validating', weighed: true, quorumSetHash });
    expect(result.quorumSets.has(quorumSetHash)).toBe(false);
    expect(result.quorumSetOf(identity.peerID)).toBeUndefined();
  });

  it('counts weighed validators and quorum sets without them', () => {
    const named = new Set(quorumSet.validators);
    const weighed = [...result.validators.values()].filter((line) => line.weighed);
    expect(new Set(weighed.map(({ peerID }) => peerID))).toEqual(named);
    const counts = { validating: validators.length, delayed: 0, disagrees: 0, missing: 0 };
    expect(found.end.counts.validators).toEqual(counts);
    expect(found.end.counts.quorumSets).toBe(1);
    const lines = found.events.filter((event): event is QuorumSetLine => event.type === 'quorumSet');
    expect(lines.map(({ hash }) => hash)).toEqual([goodHash]);
    expect(found.end.ledgerSeq).toBe(LEDGER);
  });

  it('exports none of them', () => {
    const core = JSON.parse(quorumJson(result)) as {
      readonly nodes: readonly { readonly node: string; readonly qset: object }[];
    };
    expect(core.nodes).toEqual([{ node: validators.at(-1)?.identity.peerID, qset: { t: 10, v: quorumSet.validators } }]);
    const beat = JSON.parse(stellarbeatJson(result)) as readonly Record<string, unknown>[];
    for (const { name, identity } of validators) {
      const node = beat.find(({ publicKey }) => publicKey === identity.peerID);
      expect([name, node]).toEqual([name, expect.objectContaining({ isValidating: true, activeInScp: true, active: true })]);
      expect([name, node?.quorumSet === null]).toEqual([name, name !== 'good']);
    }
    const page = pageData(result);
    expect(page.quorumSets).toEqual([{ hash: goodHash, quorumSet }]);
    expect(page.validators.filter(({ weighed }) => weighed)).toHaveLength(validators.length);
    const elements = xmlElements(graphml(result));
    expect(elements.filter(({ name }) => name === 'node')).toHaveLength(validators.length);
  });
});

describe('a quorum set that was not requested', () => {
  it('is ignored, although a statement has its hash', async () => {
    const validators = new Validators(network, undefined);
    const quorumSet = set(1, keys.slice(0, 1));
    const qSetHash = nodeCrypto.sha256(xdrOf(quorumSet));
    const answer = validators.begin(identityOf(1).peerID, '127.0.0.1:1');
    answer.statements.add(externalize(identityOf(2), xdrOf(quorumSet)));
    await validators.take(answer);
    validators.end(answer);
    new Listener(validators, '127.0.0.1:2', new ManualClock()).hear({
      type: 'SCP_QUORUMSET',
      qSet: quorumSet,
      qSetHash,
    } as never);
    expect(validators.takeLines().map(({ type }) => type)).toEqual(['validator']);
    expect(validators.setsToAsk()).toEqual([toHex(qSetHash)]);
    // A set of a key without weight is told when it was asked for, and not counted.
    validators.addQuorumSet(quorumSet, toHex(qSetHash));
    expect(validators.takeLines()).toEqual([{ type: 'quorumSet', hash: toHex(qSetHash), quorumSet }]);
    expect(validators.quorumSetCount).toBe(0);
  });
});

function send(peer: MockPeer, xdr: Uint8Array): void {
  peer.sendRaw(peer.seal(peer.record(concatBytes(Uint8Array.of(0, 0, 0, 10), xdr))));
}

/** A signed statement with the hash of a set. */
function externalize(identity: ReturnType<typeof identityOf>, xdr: Uint8Array): SCPEnvelope {
  const commitQuorumSetHash = nodeCrypto.sha256(xdr);
  const pledges = { type: 'SCP_ST_EXTERNALIZE', commit: { counter: 1, value: VALUE }, nH: 1, commitQuorumSetHash } as const;
  const statement: SCPStatement = { nodeID: identity.peerID, slotIndex: BigInt(LEDGER), pledges };
  const key = identity.peerAuth(network).identity;
  return { statement, signature: key.sign(scpSignaturePayload(network.networkID, statement)) };
}

/** XDR of a set of any size and depth. */
function xdrOf({ threshold, validators, innerSets }: SCPQuorumSet): Uint8Array {
  const number = (value: number): Uint8Array => fromHex(value.toString(16).padStart(8, '0'));
  const key = (nodeID: string): Uint8Array => concatBytes(new Uint8Array(4), decodePublicKey(nodeID));
  return concatBytes(
    number(threshold),
    number(validators.length),
    ...validators.map(key),
    number(innerSets.length),
    ...innerSets.map(xdrOf),
  );
}
