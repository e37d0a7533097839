/** An implementation by other people, audited in both roles: it dies of some cases, which the audit has to find and to survive. */
import { describe, expect, it } from 'vitest';
import { acceptTcp, auditAcceptor, auditInitiator, type CaseResult, dialTcp } from '../../src/audit/index.ts';
import { networks } from '../../src/index.ts';
import { connectorOrNothing, Rival } from '../support/rival.ts';
import { collect } from './targets.ts';

const FATAL = ['record-of-2-bytes', 'auth-before-hello', 'signature-of-0-bytes'];
const WRONG = ['oversized-header-after-auth', 'early-get-scp-quorumset', 'versions-too-new'];
const FINE = ['handshake', 'record-mac-zero', 'other-network'];
const UNREAD = ['flood-advert-mac-flipped', 'scp-message-mac-flipped', 'transaction-mac-flipped'];
const MAX_MS = 60_000;

const common = {
  network: networks.standalone,
  seed: 'test',
  only: [...FATAL, ...WRONG, ...FINE, ...UNREAD],
  timing: { reactMs: 2_000, closeMs: 1_500 },
};

const failures = (results: readonly CaseResult[]): object =>
  Object.fromEntries(
    results
      .filter(({ verdict }) => verdict === 'fail')
      .map(({ id, threat, severity }) => [id.slice(id.indexOf('.') + 1), threat ?? severity]),
  );

const EXPECTED = {
  ...Object.fromEntries(FATAL.map((name) => [name, 'crash of the target'])),
  'oversized-header-after-auth': 'unbounded buffering',
  'early-get-scp-quorumset': 'unauthenticated acceptance',
  'versions-too-new': 'high',
};

const connector = await connectorOrNothing();

describe.skipIf(connector === undefined).concurrent('js-stellar-node-connector', () => {
  it(
    'as acceptor dies of three cases, comes back each time, and the others are judged all the same',
    async () => {
      await using rival = new Rival({ role: 'listen', floods: 'none' });
      const port = await rival.listening();
      const results = await collect(auditAcceptor(() => dialTcp({ host: '127.0.0.1', port }), common));
      const skipped = Object.fromEntries(UNREAD.map((name) => [name, 'unauthenticated acceptance']));
      expect(failures(results)).toEqual({ ...EXPECTED, ...skipped });
      expect(results).toHaveLength(common.only.length);
      expect(rival.deaths).toBeGreaterThanOrEqual(FATAL.length);
    },
    MAX_MS,
  );

  it(
    'as initiator dies of the same three, and dials again each time',
    async () => {
      await using acceptor = await acceptTcp({ host: '127.0.0.1', port: 0 });
      await using rival = new Rival({ role: 'dial', port: acceptor.port });
      const deaths = (): number => rival.deaths;
      const results = await collect(auditInitiator((signal) => acceptor.next(signal), { ...common, deaths }));
      expect(failures(results)).toEqual(EXPECTED);
      expect(results).toHaveLength(common.only.length);
      expect(rival.deaths).toBe(FATAL.length);
    },
    MAX_MS,
  );
});
