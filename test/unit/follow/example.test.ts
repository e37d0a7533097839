/** examples/submit.ts, unchanged, with nodes of this test. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Account, Asset, Keypair, Operation, TransactionBuilder } from '@stellar/stellar-base';
import { expect, it } from 'vitest';
import { MockLedgers, MockValidators } from '../../../src/testing/index.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

it('examples/submit.ts sends a transaction and sees it in a ledger', { timeout: 60_000 }, async () => {
  const key = Keypair.random();
  const transaction = new TransactionBuilder(new Account(key.publicKey(), '1'), {
    fee: '100',
    networkPassphrase: 'Standalone Network ; February 2017',
    timebounds: { minTime: 0, maxTime: 0 },
  })
    .addOperation(Operation.payment({ destination: key.publicKey(), asset: Asset.native(), amount: '1' }))
    .build();
  transaction.sign(key);
  const validators = new MockValidators({ closeTime: Math.floor(Date.now() / 1000) - 20 });
  const node = new MockLedgers(validators, {
    says(message) {
      if (message.type !== 'TRANSACTION') return undefined;
      const transactions = [message.transaction.slice()];
      setImmediate(() => node.publish(validators.close({ transactions })));
      return [];
    },
  });
  const listener = await node.listen();
  const folder = await mkdtemp(join(tmpdir(), 'submit-'));
  try {
    const [envelope, quorumSet] = [join(folder, 'envelope.b64'), join(folder, 'quorum-set.json')];
    await writeFile(envelope, transaction.toEnvelope().toXDR('base64'));
    await writeFile(quorumSet, JSON.stringify(validators.quorumSet));
    const args = ['--import', 'tsx', 'examples/submit.ts', envelope, quorumSet, `127.0.0.1:${listener.port}`];
    const env = { ...process.env, NETWORK: 'standalone' };
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, encoding: 'utf8', env });
    expect(stdout).toContain(`127.0.0.1:${listener.port} has asked for it`);
    expect(stdout).toContain(`ledger 1000 contains ${transaction.hash().toString('hex')}`);
  } finally {
    await rm(folder, { recursive: true });
    await listener.close();
  }
});
