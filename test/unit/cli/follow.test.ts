import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Account, Asset, Keypair, Operation, TransactionBuilder } from '@stellar/stellar-base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messageJson } from '../../../src/report/xdr-json.ts';
import { MockLedgers, MockValidators, mockNode } from '../../../src/testing/index.ts';
import { callCli, finished, jsonLines, runCli, startCli } from '../../support/cli.ts';

const ON_STANDALONE = ['--network', 'standalone'];
const now = (): number => Math.floor(Date.now() / 1000);

let folder: string;
const open: { close(): unknown }[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'follow-'));
});
afterAll(async () => {
  await Promise.all(open.map((closable) => closable.close()));
  await rm(folder, { recursive: true });
});

const file = (name: string): string => join(folder, name);
let files = 0;

/** Validators whose last ledgers closed just now, a node that sends their statements, and their quorum set in a file. */
async function network(ledgers: number, says?: ConstructorParameters<typeof MockLedgers>[1]) {
  const validators = new MockValidators({ closeTime: now() - 5 - 2 * ledgers });
  const node = new MockLedgers(validators, says);
  for (let i = 0; i < ledgers; i++) node.publish(validators.close({ closeTime: validators.last.closeTime + 2 }));
  const listener = await node.listen();
  open.push(listener);
  const quorumSet = file(`${listener.port}.json`);
  await writeFile(quorumSet, JSON.stringify(validators.quorumSet));
  return { validators, node, args: [`127.0.0.1:${listener.port}`, ...ON_STANDALONE, '--quorum-set', quorumSet] };
}

/** A file with the quorum set of validators that nobody hears of. */
async function quorumSetFile(): Promise<string> {
  const path = file(`${++files}.qs.json`);
  await writeFile(path, JSON.stringify(new MockValidators().quorumSet));
  return path;
}

function payment(maxTime = 0): { readonly base64: string; readonly hash: string } {
  const key = Keypair.random();
  const transaction = new TransactionBuilder(new Account(key.publicKey(), '1'), {
    fee: '100',
    networkPassphrase: 'Standalone Network ; February 2017',
    timebounds: { minTime: 0, maxTime },
  })
    .addOperation(Operation.payment({ destination: key.publicKey(), asset: Asset.native(), amount: '1' }))
    .build();
  transaction.sign(key);
  return { base64: transaction.toEnvelope().toXDR('base64'), hash: transaction.hash().toString('hex') };
}

describe.concurrent('follow', () => {
  it('prints a line for each ledger', async () => {
    const { args } = await network(5);
    const { code, stdout, stderr } = await runCli(['follow', ...args, '--count', '5']);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(5);
    for (const [i, line] of lines.entries())
      expect(line).toMatch(
        new RegExp(`^✓ +${1000 + i}  \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ  no transactions  [34] of 4 signed in `),
      );
    expect(stderr).toContain('is connected: G');
  });

  it('prints JSON with proofs, which follow verify accepts, and refuses when they are changed', async () => {
    const { args, validators } = await network(4);
    const { code, stdout } = await runCli(['follow', ...args, '--count', '4', '--json', '--proof', '--tx-set']);
    expect(code).toBe(0);
    const values = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(values[0]).toMatchObject({ type: 'peer', peerID: expect.stringMatching(/^G/) });
    const ledgers = values.filter(({ type }) => type === 'ledger');
    expect(ledgers.map(({ ledgerSeq }) => ledgerSeq)).toEqual([1000, 1001, 1002, 1003]);
    for (const ledger of ledgers)
      expect(ledger).toEqual({
        type: 'ledger',
        ledgerSeq: expect.any(Number),
        closeTime: expect.any(Number),
        txSetHash: expect.stringMatching(/^[0-9a-f]{64}$/),
        previousLedgerHash: expect.stringMatching(/^[0-9a-f]{64}$/),
        upgrades: [],
        validators: expect.arrayContaining([validators.nodeIDs[1]]),
        quorumMs: expect.any(Number),
        transactions: 0,
        operations: {},
        txSet: { generalized_tx_set: { v1: expect.anything() } },
        proof: { statements: expect.any(Array), quorumSet: validators.quorumSet, txSet: expect.any(String) },
      });

    const proofs = file('proofs.ndjson');
    await writeFile(proofs, stdout);
    const trusting = args.slice(1);
    const verified = await runCli(['follow', 'verify', proofs, ...trusting]);
    expect(verified).toMatchObject({ code: 0, stderr: '4 proved, 0 not proved\n' });
    expect(verified.stdout.trimEnd().split('\n')).toHaveLength(4);

    const one = file('proof.json');
    await writeFile(one, JSON.stringify(ledgers[2]?.proof, null, 2));
    expect(await callCli(['follow', 'verify', one, ...trusting])).toMatchObject({ code: 0, stderr: '1 proved, 0 not proved\n' });

    for (const [name, damage, problem] of [
      ['number', (text: string) => text.replace('"ledgerSeq":1002', '"ledgerSeq":1007'), 'is not the one of its proof'],
      ['count', (text: string) => text.replace('"transactions":0', '"transactions":5'), 'The field transactions of the line'],
      ['order', (text: string) => text.split('\n').reverse().join('\n'), 'comes after ledger'],
      ['cut', (text: string) => text.slice(0, -10), 'not a JSON object'],
      ['signature', (text: string) => text.replace(/("statements":\["[^"]{380})./, (_all, head: string) => `${head}~`), 'base64'],
      [
        'statement',
        (text: string) =>
          text.replace(
            /("statements":\["[^"]{380})(.)/,
            (_all, head: string, one: string) => `${head}${one === 'A' ? 'B' : 'A'}`,
          ),
        'has not signed',
      ],
    ] as const) {
      const damaged = file(`${name}.ndjson`);
      await writeFile(damaged, damage(stdout));
      const refused = await callCli(['follow', 'verify', damaged, ...trusting]);
      expect(refused, name).toMatchObject({ code: 6, stdout: expect.stringContaining(problem) });
    }

    const others = file('others.json');
    await writeFile(others, JSON.stringify(new MockValidators({ seed: 'others' }).quorumSet));
    const distrusted = await callCli(['follow', 'verify', proofs, ...ON_STANDALONE, '--quorum-set', others, '--json']);
    expect(distrusted.code).toBe(6);
    expect(JSON.parse(distrusted.stdout.split('\n')[0] as string)).toMatchObject({
      type: 'refused',
      error: { code: 'LEDGER_QUORUM_NOT_MET', advice: expect.any(String) },
    });
  });

  it('verify reads proofs from stdin, and exits with 6 when the input contains no proof', async () => {
    const { args } = await network(1);
    const child = startCli(['follow', 'verify', '-', ...args.slice(1)]);
    child.stdin.end('{"type":"gap","from":1,"to":2}\n');
    expect(await finished(child)).toMatchObject({ code: 6, stderr: expect.stringContaining('The file contains no proof') });
  });

  it('verify exits with 130 on Ctrl-C, and prints the number of proofs so far', async () => {
    const { args } = await network(1);
    const { stdout: proofs } = await callCli(['follow', ...args, '--count', '1', '--json', '--proof']);
    const proof = proofs.split('\n').find((line) => line.includes('"proof"')) as string;
    const child = startCli(['follow', 'verify', '-', ...args.slice(1)]);
    const ended = finished(child);
    child.stdin.write(`${proof}\n`);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 130, stderr: expect.stringContaining('1 proved, 0 not proved') });
  });

  it('continues until Ctrl-C', async () => {
    const { args, node, validators } = await network(3);
    const child = startCli(['follow', ...args, '--json', '--from', '1000']);
    const next = jsonLines(child);
    expect(await next()).toMatchObject({ type: 'peer' });
    expect(await next()).toMatchObject({ type: 'ledger', ledgerSeq: 1000, transactions: 0 });
    expect(await next()).toMatchObject({ ledgerSeq: 1001 });
    expect(await next()).toMatchObject({ ledgerSeq: 1002 });
    node.publish(validators.close());
    expect(await next()).toMatchObject({ ledgerSeq: 1003 });
    child.kill('SIGINT');
    expect((await once(child, 'close'))[0]).toBe(130);
  });

  it('reports an alarm with its evidence, and exits with 6', async () => {
    const { args, node, validators } = await network(1);
    const child = startCli(['follow', ...args, '--json', '--count', '2']);
    const next = jsonLines(child);
    await next();
    expect(await next()).toMatchObject({ ledgerSeq: 1000 });
    const lie = new MockValidators().close({ transactions: [new Uint8Array(4)] }).valueXdr;
    const ledger = validators.close({ by: [0, 1, 2] });
    node.publish({ ...ledger, envelopes: [...ledger.envelopes, validators.externalize(0, 1001, lie)] });
    const told = [await next(), await next()];
    expect(told).toContainEqual({
      type: 'alarm',
      kind: 'equivocation',
      ledgerSeq: 1001,
      evidence: [expect.any(String), expect.any(String)],
    });
    expect((await finished(child)).code).toBe(6);
    const [alarm] = told.filter(({ type }) => type === 'alarm') as { evidence: string[] }[];
    // Any XDR tool can read this.
    for (const evidence of alarm?.evidence ?? []) {
      const xdr = Uint8Array.from([0, 0, 0, 11, ...Buffer.from(evidence, 'base64')]);
      expect(await messageJson(xdr)).toMatchObject({ scp_message: { statement: { slot_index: '1001' } } });
    }
  });

  it.each<[string, readonly string[], string]>([
    ['no quorum set', ['127.0.0.1:1'], '--quorum-set'],
    ['no peer', ['--quorum-set', 'QS'], 'name a node'],
    ['a missing file', ['verify', 'missing', '--quorum-set', 'QS'], 'ENOENT'],
    ['two files', ['verify', 'a', 'b', '--quorum-set', 'QS'], 'one file'],
    ['ledger 0', ['127.0.0.1:1', '--from', '0', '--quorum-set', 'QS'], '--from'],
    ['no target', ['a b', '--quorum-set', 'QS'], 'not a target'],
    ['two IP versions', ['127.0.0.1:1', '-4', '-6', '--quorum-set', 'QS'], '-4 and -6 exclude each other'],
  ])('%s: exits with 2 and prints the reason', async (_name, given, problem) => {
    const quorumSet = await quorumSetFile();
    const { code, stderr } = await callCli(['follow', ...given.map((word) => (word === 'QS' ? quorumSet : word))]);
    expect(code).toBe(2);
    expect(stderr).toContain(problem);
  });
});

describe.concurrent('submit', () => {
  it('refuses -4 together with -6', async () => {
    const quorumSet = await quorumSetFile();
    const child = startCli(['submit', '127.0.0.1:1', '-', '-4', '-6', '--quorum-set', quorumSet]);
    child.stdin.end(payment().base64);
    expect(await finished(child)).toMatchObject({ code: 2, stderr: expect.stringContaining('-4 and -6 exclude each other') });
  });

  it('exits with 0 when a verified ledger holds the transaction, and prints it', async () => {
    const { base64, hash } = payment();
    const says: ConstructorParameters<typeof MockLedgers>[1] = {
      says: (message) => {
        if (message.type !== 'TRANSACTION') return undefined;
        setImmediate(() => node.publish(validators.close({ transactions: [message.transaction.slice()] })));
        return [];
      },
    };
    const { args, node, validators } = await network(2, says);
    const [host = '', ...rest] = args;
    const child = startCli(['submit', host, '-', ...rest]);
    child.stdin.end(base64);
    const { code, stdout, stderr } = await finished(child);
    expect(code).toBe(0);
    expect(stdout).toMatch(/1002 .* 1 transaction, 1 operation \(payment 1\)/);
    expect(stdout).toContain(hash);
    expect(stderr).toContain('has asked for the transaction');
  });

  it('prints the ledger and then the result as JSON with --json', async () => {
    const { base64, hash } = payment();
    const { args, node, validators } = await network(2);
    node.publish(validators.close({ transactions: [new Uint8Array(Buffer.from(base64, 'base64'))] }));
    const [host = '', ...rest] = args;
    const child = startCli(['submit', host, '-', ...rest, '--json', '--proof']);
    child.stdin.end(`${base64}\n`);
    const { code, stdout } = await finished(child);
    expect(code).toBe(0);
    const [ledger, result] = stdout
      .trimEnd()
      .split('\n')
      .slice(-2)
      .map((line) => JSON.parse(line));
    expect(ledger).toMatchObject({ type: 'ledger', ledgerSeq: 1002, transactions: 1, operations: { payment: 1 }, proof: {} });
    expect(result).toMatchObject({ type: 'result', outcome: 'included', transactionHash: hash, ledgerSeq: 1002 });
  });

  it('exits with 5 when the transaction is too late', async () => {
    const { args } = await network(3);
    const [host = '', ...rest] = args;
    const envelope = file('late.b64');
    const { base64, hash } = payment(now() - 1000);
    await writeFile(envelope, base64);
    const { code, stdout } = await runCli(['submit', host, envelope, ...rest, '--json']);
    expect(code).toBe(5);
    const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) as string);
    expect(result).toMatchObject({ type: 'result', outcome: 'expired', transactionHash: hash, from: 1000, to: 1000 });
  });

  it('exits with 5 when every node refuses us', async () => {
    const { args, validators } = await network(1);
    const full = await mockNode({ network: validators.network }, (peer) => peer.full());
    open.push(full);
    const envelope = file('refused.b64');
    await writeFile(envelope, payment().base64);
    const { code, stdout } = await callCli(['submit', `127.0.0.1:${full.port}`, envelope, ...args.slice(1)]);
    expect(code).toBe(5);
    expect(stdout).toContain('every node has refused us');
  });

  it('exits with 4 when the outcome is unknown at the timeout', async () => {
    const { args } = await network(2);
    const [host = '', ...rest] = args;
    const envelope = file('slow.hex');
    await writeFile(envelope, Buffer.from(payment().base64, 'base64').toString('hex'));
    const { code, stdout } = await callCli(['submit', host, envelope, ...rest, '--timeout', '3s']);
    expect(code).toBe(4);
    expect(stdout).toContain('Ledgers 1000 to 1001 do not contain it');
  });

  it('exits with 2 when the file contains no transaction, and sends nothing', async () => {
    const { args, node } = await network(1);
    const [host = '', ...rest] = args;
    const envelope = file('none.b64');
    await writeFile(envelope, Buffer.alloc(64, 7).toString('base64'));
    const { code, stderr } = await callCli(['submit', host, envelope, ...rest]);
    expect(code).toBe(2);
    expect(stderr).toContain('not the XDR of a TransactionEnvelope');
    expect(node.connections).toEqual([]);
    expect(await callCli(['submit', envelope, ...rest])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('name a node'),
    });
  });
});
