/** A process that may open fewer files than it has nodes to dial. */
import { spawn } from 'node:child_process';
import { describe, expect, inject, it } from 'vitest';
import { listen, networks } from '../../src/index.ts';
import { finished } from '../support/cli.ts';
import { Machine, NO_NAMESPACE } from '../support/namespace.ts';

const NETWORK = ['--network', 'standalone'] as const;
/** A few more file descriptors than Node itself needs. */
const FEW = 34;

describe.skipIf(process.platform !== 'linux')('probe of more targets than the process may open files', () => {
  it('waits for free file descriptors, and reports no node as unreachable', async () => {
    await using node = await listen({ network: networks.standalone, host: '0.0.0.0', port: 0 });
    const targets = Array.from({ length: 60 }, (_, i) => `127.0.0.${i + 1}:${node.port}`);
    const args = [inject('cli'), 'probe', ...targets, '--concurrency', '60', ...NETWORK, '--json'];
    const { code, stdout } = await finished(spawn('sh', ['-c', `ulimit -n ${FEW}; exec "$0" "$@"`, process.execPath, ...args]));
    const errors = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).error?.cause);
    expect([code, errors]).toEqual([0, targets.map(() => undefined)]);
  });

  it.skipIf(NO_NAMESPACE)('waits for free file descriptors to look up names', async () => {
    const names = Array.from({ length: 30 }, (_, i) => `node${i}.example`);
    await using machine = await Machine.start({ hosts: names.map((name, i) => `127.0.1.${i + 1} ${name}`) });
    await machine.node(11625);
    const args = [inject('cli'), 'probe', '127.0.0.1', ...names, '--concurrency', '60', ...NETWORK, '--json'];
    const limited = machine.start('sh', '-c', `ulimit -n ${FEW}; exec "$0" "$@"`, process.execPath, ...args);
    const { code, stdout } = await finished(limited);
    const errors = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).error?.cause);
    expect([code, errors]).toEqual([0, [undefined, ...names.map(() => undefined)]]);
  });
});
