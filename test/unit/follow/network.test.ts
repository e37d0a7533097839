/** Following ledgers in a realistic network: most nodes are of no use, and some are hostile. */
import { expect, it } from 'vitest';
import { type FollowEvent, follow, verifyLedger } from '../../../src/follow/index.ts';
import { type MockNodeKind, mockNetwork } from '../../../src/testing/index.ts';

const KINDS: readonly MockNodeKind[] = [
  'inventor',
  'refused',
  'silent',
  'full',
  'other-network',
  'cert-expired',
  'cert-invalid',
  'malformed-peers',
  'drips',
  'no-auth',
  'http',
  'scp-flood',
  'plain',
];

it('follow needs only one good node among many others, and ignores invented keys', { timeout: 60_000 }, async () => {
  await using mock = await mockNetwork({ nodes: 80, seed: 16, ledgerMs: 1_000, inventions: 1_000, dripMs: 50 });
  const peers = KINDS.map((kind) => mock.nodes.find((node) => node.kind === kind)?.address ?? '');
  expect(peers).not.toContain('');
  const validating = mock.validators.filter(({ state }) => state === 'validating').map(({ peerID }) => peerID);
  const validators = mock.validators.map(({ peerID }) => peerID);
  const quorumSet = { threshold: validating.length, validators, innerSets: [] };
  const events: FollowEvent[] = [];
  const seen: number[] = [];
  const onEvent = (event: FollowEvent): void => void events.push(event);
  for await (const ledger of follow({
    peers,
    network: mock.network,
    quorumSet,
    connections: 8,
    handshakeTimeoutMs: 3_000,
    onEvent,
  })) {
    expect(new Set(ledger.statements.map(({ statement }) => statement.nodeID))).toEqual(new Set(validating));
    expect(verifyLedger(ledger.proof, quorumSet, mock.network).ledgerSeq).toBe(ledger.ledgerSeq);
    seen.push(ledger.ledgerSeq);
    if (seen.length === 14) break;
  }
  expect(seen).toEqual(seen.map((_, i) => (seen[0] as number) + i));
  expect(events.filter(({ type }) => type === 'gap' || type === 'alarm')).toEqual([]);
  const strangers = events.flatMap((event) => (event.type === 'refused' ? [event] : []));
  expect(new Set(strangers.map(({ code }) => code))).toEqual(new Set(['LEDGER_NOT_IN_QUORUM_SET']));
  expect(strangers.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(200);
});
