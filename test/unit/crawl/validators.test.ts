/** Validators: whose statements count, that invented keys do not, and what is not requested. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CrawlEvent } from '../../../src/crawl/index.ts';
import { Validators } from '../../../src/crawl/validators.ts';
import { closureOf, weighedByReached } from '../../../src/crawl/weigh.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { NodeIdentity, networks } from '../../../src/index.ts';
import { toHex } from '../../../src/protocol/bytes.ts';
import { quorumSetHash } from '../../../src/protocol/scp/quorum-set.ts';
import type { SCPQuorumSet } from '../../../src/protocol/wire/messages.ts';
import { type MockNetwork, mockNetwork } from '../../../src/testing/index.ts';
import { crawlMock, type Found, QUICK } from './support.ts';

const PROMPT = { silent: 0, drips: 0, 'no-auth': 0, 'queue-full': 0, slow: 0, 'unknown-network': 0 } as const;
const INVENTIONS = 3_000;

/** Lines of weighed validators by state. */
function weighed({ validators }: Found): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of validators.values()) if (line.weighed) counts[line.state] = (counts[line.state] ?? 0) + 1;
  return counts;
}

describe('the validators of a crawl', () => {
  let mock: MockNetwork;
  let found: Found;
  beforeAll(async () => {
    mock = await mockNetwork({ ...QUICK, nodes: 200, seed: 21, mix: { ...PROMPT, inventor: 30 }, inventions: INVENTIONS });
    // The nodes that invent keys are seeds, and are asked first.
    const inventors = mock.nodes.filter(({ kind }) => kind === 'inventor').map(({ address }) => address);
    found = await crawlMock(mock, { seeds: [...inventors, mock.nodes[0]?.address as string] });
  }, 60_000);
  afterAll(() => mock.close());

  it('have the state that their signed statements show', () => {
    for (const { peerID, state, quorumSetHash: hash } of mock.validators) {
      const line = found.validators.get(peerID);
      expect(line).toMatchObject({ state, validating: state === 'validating', weighed: true });
      if (state === 'missing') expect(line).not.toHaveProperty('ledgerSeq');
      else expect(line).toMatchObject({ quorumSetHash: hash, statement: 'EXTERNALIZE' });
    }
    const delayed = mock.validators.find(({ state }) => state === 'delayed');
    expect(found.validators.get(delayed?.peerID as string)?.ledgerSeq).toBe(50_000_000);
  });

  it('have the addresses of known nodes from which they were heard', () => {
    const known = new Set(mock.nodes.map(({ address }) => address));
    expect(found.validators.size).toBeGreaterThan(5);
    for (const { state, heardFrom } of found.validators.values()) {
      expect(heardFrom.every((address) => known.has(address))).toBe(true);
      if (state !== 'missing') expect(heardFrom.length).toBeGreaterThan(0);
    }
  });

  it('have their quorum sets with correct hashes, even if some nodes do not answer', () => {
    const sets = found.events.filter((event): event is Extract<CrawlEvent, { type: 'quorumSet' }> => event.type === 'quorumSet');
    expect(sets.map(({ hash }) => hash).sort()).toEqual([...new Set(mock.validators.map((one) => one.quorumSetHash))].sort());
    for (const { hash, quorumSet } of sets) expect(toHex(quorumSetHash(nodeCrypto, quorumSet))).toBe(hash);
  });

  it('are counted without invented keys, which are counted separately as unweighed', () => {
    const { counts, ledgerSeq } = found.end;
    expect(weighed(found)).toEqual({ validating: 9, delayed: 1, disagrees: 1, missing: 1 });
    expect(counts.validators).toEqual({ validating: 9, delayed: 1, disagrees: 1, missing: 1 });
    const invented = [...found.validators.values()].filter((line) => !line.weighed);
    expect(invented.length).toBeGreaterThanOrEqual(100);
    expect(counts.unweighed).toBe(invented.length);
    // They claim a ledger that is far ahead.
    expect(ledgerSeq).toBeLessThanOrEqual(mock.ledgerSeq);
    expect(invented.every(({ validating }) => !validating)).toBe(true);
  });

  it('are requested from less than a third of the nodes', () => {
    const asked = new Set([...found.validators.values()].flatMap(({ heardFrom }) => heardFrom));
    const ok = [...found.nodes.values()].filter(({ outcome }) => outcome === 'ok').length;
    expect(asked.size).toBeLessThan(ok / 3);
  });

  it('are weighed by the quorum set in the options', async () => {
    const [first, second] = mock.validators;
    const lone: SCPQuorumSet = { threshold: 1, validators: [first?.peerID as string], innerSets: [] };
    const own = await crawlMock(mock, { quorumSet: lone });
    // Its own quorum set names all others.
    expect(weighed(own)).toEqual({ validating: 9, delayed: 1, disagrees: 1, missing: 1 });
    const stranger = NodeIdentity.fromSeed(new Uint8Array(32).fill(99)).peerID;
    const strange = await crawlMock(mock, { quorumSet: { threshold: 1, validators: [stranger], innerSets: [] } });
    expect(weighed(strange)).toEqual({ missing: 1 });
    expect(strange.validators.get(stranger)).toMatchObject({ state: 'missing', weighed: true });
    expect(strange.validators.get(second?.peerID as string)).toMatchObject({ weighed: false });
  });

  it('are not requested when the option validators is false', async () => {
    const none = await crawlMock(mock, { validators: false });
    expect(none.validators.size).toBe(0);
    expect(none.end.counts.validators).toEqual({ validating: 0, delayed: 0, disagrees: 0, missing: 0 });
  });
});

describe('the weighing of validators', () => {
  const set = (...validators: readonly string[]): SCPQuorumSet => ({ threshold: validators.length, validators, innerSets: [] });
  const sets = new Map<string, SCPQuorumSet>();
  const of = (peerID: string): SCPQuorumSet | undefined => sets.get(peerID);
  const reached = (peerID: string, host: string, isSeed = false) => ({ peerID, host, isSeed });

  it('follows quorum sets to quorum sets, and ends in circles', () => {
    sets.clear();
    for (const [key, ...its] of [
      ['A', 'B'],
      ['B', 'C', 'A'],
      ['C', 'C'],
      ['X', 'Y'],
    ])
      sets.set(key as string, set(...its));
    expect([...closureOf(set('A'), of)].sort()).toEqual(['A', 'B', 'C']);
    expect([...closureOf({ threshold: 1, validators: [], innerSets: [set('X')] }, of)].sort()).toEqual(['X', 'Y']);
  });

  it('starts from validators at two addresses, or from a seed', () => {
    sets.clear();
    for (const key of ['A', 'B']) sets.set(key, set('A', 'B'));
    for (const key of ['I', 'J', 'K']) sets.set(key, set('I', 'J', 'K', 'L', 'M'));
    const honest = [reached('A', '1'), reached('B', '2')];
    expect([...weighedByReached([...honest, reached('I', '3'), reached('J', '3'), reached('K', '3')], of)].sort()).toEqual([
      'A',
      'B',
    ]);
    expect([...weighedByReached([...honest, reached('I', '3', true)], of)].sort()).toEqual(['A', 'B', 'I', 'J', 'K', 'L', 'M']);
    expect([...weighedByReached([reached('A', '1')], of)].sort()).toEqual(['A', 'B']);
    expect([...weighedByReached([reached('A', '1'), reached('I', '3')], of)]).toEqual([]);
    expect([...weighedByReached([reached('unknown', '1')], of)]).toEqual([]);
  });

  it('takes work in proportion to the nodes: a node without a quorum set is not looked at again', () => {
    const validators = new Validators(networks.standalone, undefined);
    const count = 500;
    let looks = 0;
    for (let i = 0; i < count; i++) {
      const peerID = `G${i}`;
      validators.reached({
        peerID,
        get host() {
          looks++;
          return String(i);
        },
        isSeed: false,
      });
      expect(validators.wants(`${peerID} next`)).toBe(true);
    }
    expect(looks).toBeLessThanOrEqual(3 * count);
  });
});
