/** An audit of an implementation by other people, in both roles: it passes where it behaves as stellar-core does. */
import { describe, expect, it } from 'vitest';
import { acceptTcp, auditAcceptor, auditInitiator, type CaseResult, dialTcp } from '../../src/audit/index.ts';
import { networks } from '../../src/index.ts';
import { Rival, rivalOrNothing } from '../support/rival.ts';
import { collect } from './targets.ts';

const MAX_MS = 60_000;
const CASES = ['handshake', 'record-mac-zero', 'other-network'];
const common = { network: networks.standalone, seed: 'test', only: CASES, timing: { reactMs: 2_000, closeMs: 1_500 } };

/** It refuses without an ERROR_MSG, which is not a failure. */
const found = (results: readonly CaseResult[]): object =>
  Object.fromEntries(results.map(({ id, verdict }) => [id.slice(id.indexOf('.') + 1), verdict]));

const EXPECTED = { handshake: 'pass', 'record-mac-zero': 'differs', 'other-network': 'pass' };

const connector = await rivalOrNothing('connector');

describe.skipIf(connector === undefined).concurrent('an audit of js-stellar-node-connector', () => {
  it(
    'has the expected verdicts when it accepts',
    async () => {
      await using rival = new Rival({ role: 'listen' });
      const port = await rival.listening();
      expect(found(await collect(auditAcceptor(() => dialTcp({ host: '127.0.0.1', port }), common)))).toEqual(EXPECTED);
      expect(rival.deaths).toBe(0);
    },
    MAX_MS,
  );

  it(
    'has the expected verdicts when it dials',
    async () => {
      await using acceptor = await acceptTcp({ host: '127.0.0.1', port: 0 });
      await using rival = new Rival({ role: 'dial', port: acceptor.port });
      const deaths = (): number => rival.deaths;
      expect(found(await collect(auditInitiator((signal) => acceptor.next(signal), { ...common, deaths })))).toEqual(EXPECTED);
      expect(rival.deaths).toBe(0);
    },
    MAX_MS,
  );
});
