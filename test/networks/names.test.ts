/** Names, resolvers and firewalls as on real networks, each in its own namespaces. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { finished } from '../support/cli.ts';
import { LOCAL_IPV6, Machine, NO_NAMESPACE, SILENT_RESOLVER } from '../support/namespace.ts';

if (NO_NAMESPACE !== undefined) console.warn(`Not run, for want of namespaces: ${NO_NAMESPACE}`);

const PORT = 11625;
const NETWORK = ['--network', 'standalone'] as const;
/** The SYN is dropped, so there is no answer. */
const filtered = (address: string): string => `ip daddr ${address} tcp flags syn / syn,ack drop`;
/** The first SYN is lost; the kernel sends the next one after a second. */
const slow = (address: string): string => `ip daddr ${address} tcp flags syn / syn,ack numgen inc mod 2 0 drop`;

interface Result {
  readonly target: string;
  readonly ok: boolean;
  readonly address?: string;
  readonly attempts?: readonly { readonly address: string; readonly outcome: string }[];
  readonly error?: { readonly code: string; readonly cause: string; readonly stage: string; readonly message: string };
}

/** What `probe --json` has found. */
function results(stdout: string): Result[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Result);
}

/** What became of each address. */
function outcomes({ attempts = [] }: Result): Record<string, string> {
  return Object.fromEntries(attempts.map(({ address, outcome }) => [address, outcome]));
}

describe.skipIf(NO_NAMESPACE)('a name with several addresses', { concurrent: true }, () => {
  it('is reached by every verb at the only address that answers, even if this address answers late', async () => {
    await using machine = await Machine.start({
      hosts: ['127.0.0.5 a.example', '127.0.0.4 a.example', '127.0.0.6 a.example'],
      firewall: [filtered('127.0.0.5'), filtered('127.0.0.6'), slow('127.0.0.4')],
    });
    await machine.node(PORT);
    const probed = await machine.cli('probe', 'a.example', ...NETWORK, '--json');
    const [result] = results(probed.stdout) as [Result];
    expect([probed.code, result.ok, result.address]).toEqual([0, true, '127.0.0.4']);
    expect(outcomes(result)).toEqual({ '127.0.0.4': 'connected', '127.0.0.5': 'overtaken', '127.0.0.6': 'overtaken' });
    const text = await machine.cli('probe', 'a.example', ...NETWORK);
    expect(text.stdout).toContain('  address     127.0.0.4\n');
    expect(text.stdout).toContain('  tried       127.0.0.5 had not answered when another address connected\n');
    const several = await machine.cli('probe', 'a.example', '127.0.0.4', ...NETWORK);
    expect(several.stdout).toMatch(/^✓ a\.example:11625 {2}127\.0\.0\.4 {2}[\d.]+ m?s \(dns /m);
    expect(several.stdout).toMatch(/^✓ 127\.0\.0\.4:11625 {2}[\d.]+ m?s \(dns /m);
    const explained = JSON.parse((await machine.cli('explain', 'a.example', ...NETWORK, '--json')).stdout);
    expect([explained.ok, explained.address, explained.attempts.length]).toEqual([true, '127.0.0.4', 3]);
    const watched = await machine.cli('watch', 'a.example', ...NETWORK, '--for', '1s');
    expect([watched.code, watched.stderr]).toEqual([0, expect.stringContaining('a.example:11625 (127.0.0.4) is G')]);
    const scraped = await scrape(machine, ['--allow', '127.0.0.0/8'], 'a.example');
    expect(scraped.a).toContain('stellar_probe_success 1');
  });

  it('is not reported as a host on which nothing listens if one address is filtered and another one refuses', async () => {
    await using machine = await Machine.start({
      hosts: ['127.0.0.2 a.example', '::1 a.example'],
      firewall: [filtered('127.0.0.2')],
    });
    const { code, stdout } = await machine.cli('probe', 'a.example', ...NETWORK, '--timeout', '1s', '--json');
    const [result] = results(stdout) as [Result];
    expect([code, result.error?.cause, result.address]).toEqual([4, 'connect-timeout', undefined]);
    expect(outcomes(result)).toEqual({ '::1': 'connection-refused', '127.0.0.2': 'connect-timeout' });
    expect(result.error?.message).toContain('::1 refused the connection; 127.0.0.2 did not answer within');
  });

  it('is dialled in one address family with -4 or -6', async () => {
    await using machine = await Machine.start({ hosts: ['127.0.0.2 a.example', `${LOCAL_IPV6} a.example`] });
    await machine.node(PORT);
    for (const [option, address] of [
      ['-4', '127.0.0.2'],
      ['-6', LOCAL_IPV6],
    ] as const) {
      const { stdout } = await machine.cli('probe', option, 'a.example', ...NETWORK, '--json');
      expect(results(stdout)[0]).toMatchObject({ ok: true, address });
      const { a } = await scrape(machine, [option, '--allow', '127.0.0.0/8', '--allow', LOCAL_IPV6], 'a.example');
      expect(a).toContain(`stellar_probe_ip_protocol ${option[1]}`);
    }
  });
});

describe.skipIf(NO_NAMESPACE)('a firewall that rejects', { concurrent: true }, () => {
  it.each([
    ['icmp type host-prohibited', '127.0.0.3'],
    ['icmp type admin-prohibited', '127.0.0.3'],
    ['icmp type host-unreachable', '127.0.0.3'],
    ['icmpv6 type admin-prohibited', '::1'],
    ['icmpv6 type addr-unreachable', '::1'],
  ])('is named in the report of an unreachable host when it rejects with %s', async (type, address) => {
    const family = address.includes(':') ? 'ip6' : 'ip';
    await using machine = await Machine.start({ firewall: [`${family} daddr ${address} tcp dport ${PORT} reject with ${type}`] });
    const { code, stdout } = await machine.cli('probe', address, ...NETWORK, '--json');
    const { error } = results(stdout)[0] as Result;
    expect([code, error?.cause, error?.message]).toEqual([3, 'unreachable', expect.stringContaining('firewall')]);
  });
});

describe.skipIf(NO_NAMESPACE)('a resolver that does not answer', { concurrent: true }, () => {
  const silent = Array.from({ length: 20 }, (_, i) => `silent${i}.example`);

  it('fails only the look-ups that need it, with the cause name-lookup-timeout, and the process ends', async () => {
    await using machine = await Machine.start({ ...SILENT_RESOLVER, hosts: ['127.0.0.1 good.example'] });
    await machine.node(PORT);
    const args = [...silent, 'good.example', '--concurrency', '50', '--timeout', '4s', '--json'];
    const { code, stdout } = await machine.cli('probe', ...args, ...NETWORK);
    const all = results(stdout);
    expect(code).toBe(7);
    expect(all.at(-1)).toMatchObject({ target: `good.example:${PORT}`, ok: true, address: '127.0.0.1' });
    expect(all.slice(0, -1).map(({ error }) => [error?.cause, error?.stage])).toEqual(
      silent.map(() => ['name-lookup-timeout', 'dns']),
    );
    expect(all[0]?.error?.message).toContain('no resolver answered');
  });

  it.each(['probe', 'watch', 'explain'])('does not prevent %s from ending on Ctrl-C', async (verb) => {
    await using machine = await Machine.start(SILENT_RESOLVER);
    const cli = machine.startCli(verb, 'silent.example', ...NETWORK, '--timeout', '100s');
    const over = finished(cli);
    await lookingUp(machine, cli.pid);
    cli.kill('SIGINT');
    expect((await over).code).toBe(130);
  });

  it('does not delay the exporter: other names are probed during the look-ups', async () => {
    await using machine = await Machine.start({ ...SILENT_RESOLVER, hosts: ['127.0.0.1 good.example'] });
    await machine.node(PORT);
    const args = ['--allow', '127.0.0.0/8', '--timeout', '3s', '--concurrency', '50'];
    const { a, others } = await scrape(machine, args, 'good.example', silent);
    expect(a).toContain('stellar_probe_success 1');
    for (const text of others)
      expect(text).toContain('{code="OVERLAY_NAME_LOOKUP_TIMEOUT",cause="name-lookup-timeout",stage="dns"} 1');
  });
});

describe.skipIf(NO_NAMESPACE)('name look-up', { concurrent: true }, () => {
  const resolv = ['nameserver 127.0.0.54', 'search corp.example', 'options timeout:30'];

  it('uses search domains and nsswitch.conf, and accepts an answer for one address family only', async () => {
    await using machine = await Machine.start({ resolv, nsswitch: 'dns', hosts: ['192.0.2.1 short.corp.example'] });
    await machine.nameServer({
      'short.corp.example': { A: '127.0.0.7' },
      'half.example': { A: '127.0.0.8', AAAA: null },
      'six.example': { A: null, AAAA: '0:0:0:0:0:0:0:1' },
      'none.example': {},
    });
    await machine.node(PORT);
    const names = ['short', 'half.example', 'six.example', 'none.example', 'nobody.example'];
    const { stdout } = await machine.cli('probe', ...names, ...NETWORK, '--json', '--timeout', '5s');
    expect(results(stdout).map(({ ok, address, error }) => [ok, address ?? error?.cause])).toEqual([
      [true, '127.0.0.7'],
      // Only one family is ever answered.
      [true, '127.0.0.8'],
      [true, '::1'],
      [false, 'name-not-found'],
      [false, 'name-not-found'],
    ]);
  });

  it('finds the seed of a crawl when the name server answers for one address family only', async () => {
    await using machine = await Machine.start({ resolv, nsswitch: 'dns' });
    await machine.nameServer({
      'half.example': { A: '127.0.0.8', AAAA: null },
      'six.example': { A: null, AAAA: '0:0:0:0:0:0:0:1' },
    });
    await machine.node(PORT);
    const seeds = ['half.example', 'six.example'];
    const { code, stdout } = await machine.cli('crawl', ...seeds, ...NETWORK, '--json', '--timeout', '5s', '--nodes-only');
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'node');
    expect(lines.map(({ address, outcome, seed }) => [address, outcome, seed]).sort()).toEqual([
      [`127.0.0.8:${PORT}`, 'ok', `half.example:${PORT}`],
      [`[::1]:${PORT}`, 'ok', `six.example:${PORT}`],
    ]);
    expect(code).toBe(0);
  });

  it('is given up by a crawl on Ctrl-C, which keeps what was found and reports nothing about the name', async () => {
    await using machine = await Machine.start(SILENT_RESOLVER);
    const seeds = ['never.example', '127.0.0.1:1'];
    const child = machine.startCli('crawl', ...seeds, ...NETWORK, '--json', '--timeout', '60s');
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value);
    expect(await next()).toMatchObject({ type: 'crawl', seeds: ['never.example:11625', '127.0.0.1:1'] });
    expect(await next()).toMatchObject({ type: 'node', address: '127.0.0.1:1', outcome: 'connection-refused' });
    const over = once(child, 'close');
    child.kill('SIGINT');
    expect(await next()).toMatchObject({ type: 'end', finished: false, counts: { addresses: 1 } });
    expect((await over)[0]).toBe(130);
  });

  it('distinguishes a missing name server from a missing name', async () => {
    await using machine = await Machine.start({ resolv: ['nameserver 127.0.0.55'] });
    const { code, stdout } = await machine.cli('probe', 'a.example', ...NETWORK, '--json');
    const { error } = results(stdout)[0] as Result;
    expect([code, error?.cause, error?.stage]).toEqual([3, 'name-lookup-failed', 'dns']);
  });
});

/** The answers of an exporter about a name, and about others that are asked for before it. */
async function scrape(machine: Machine, args: readonly string[], name: string, before: readonly string[] = []) {
  const exporter = machine.startCli('exporter', '--listen', '127.0.0.1:9999', ...NETWORK, ...args);
  await once(exporter.stdout, 'data');
  const fetchAll = `
    const ask = async (name) => (await fetch('http://127.0.0.1:9999/probe?target=' + name)).text();
    const [name, ...before] = process.argv.slice(1);
    const others = before.map(ask);
    Promise.all([ask(name), ...others]).then(([a, ...others]) => console.log(JSON.stringify({ a, others })));`;
  const asking = machine.start(process.execPath, '-e', fetchAll, name, ...before);
  const { stdout, stderr } = await finished(asking);
  const over = finished(exporter);
  exporter.kill('SIGTERM');
  expect([stderr, (await over).code]).toEqual(['', 130]);
  return JSON.parse(stdout) as { readonly a: string; readonly others: readonly string[] };
}

/** Resolves when a process has the child that looks names up. */
async function lookingUp(machine: Machine, pid: number | undefined): Promise<void> {
  const isIt = 'for c in $(cat /proc/$0/task/*/children); do grep -qa node:dns /proc/$c/cmdline && exit; done';
  await finished(machine.start('sh', '-c', `while :; do ${isIt}; sleep 0.05; done`, String(pid)));
}
