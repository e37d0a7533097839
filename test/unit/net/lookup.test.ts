/** The processes that look names up: when one starts, how many there are, and that none is left. */
import type * as ChildProcess from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PendingLookup } from '../../../src/net/lookup.ts';

/** The started children, and the replacement for the next one. */
let children: ChildProcess.ChildProcess[];
let instead: ((real: typeof ChildProcess.spawn) => ChildProcess.ChildProcess) | undefined;
let environment: NodeJS.ProcessEnv | undefined;

const childProcess = process.getBuiltinModule('node:child_process');
const realSpawn = childProcess.spawn;
vi.spyOn(childProcess, 'spawn').mockImplementation(((command: string, args: string[], options: ChildProcess.SpawnOptions) => {
  environment = options.env;
  const child = instead === undefined ? realSpawn(command, args, options) : instead(realSpawn);
  children.push(child);
  return child;
}) as typeof realSpawn);

const never = new AbortController().signal;
let lookUp: (host: string, family: 0 | 4 | 6, signal: AbortSignal) => PendingLookup;

beforeEach(async () => {
  children = [];
  instead = undefined;
  // A pool of processes of its own for each test.
  vi.resetModules();
  ({ lookUp } = await import('../../../src/net/lookup.ts'));
});

afterEach(async () => {
  const running = children.filter(
    ({ pid, exitCode, signalCode }) => pid !== undefined && exitCode === null && signalCode === null,
  );
  await Promise.all(
    running.map((child) => {
      const over = once(child, 'exit');
      child.ref();
      child.kill('SIGKILL');
      return over;
    }),
  );
});

/** A child that is ready and never answers. */
function deaf(spawn: typeof ChildProcess.spawn): ChildProcess.ChildProcess {
  const script = `console.log('{"id":0}'); process.stdin.resume().on('close', () => process.exit())`;
  return spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'ignore'] });
}

describe('a name look-up', () => {
  it('runs in one child process that is used again and does not keep this process alive', async () => {
    const alive = (): string[] => process.getActiveResourcesInfo().filter((name) => /Process|Pipe/.test(name));
    const before = alive();
    const first = lookUp('localhost', 4, never);
    await first.started;
    expect(await first.addresses).toEqual(['127.0.0.1']);
    expect(await lookUp('localhost', 4, never).addresses).toEqual(['127.0.0.1']);
    await expect(lookUp(`${'x'.repeat(64)}.invalid`, 0, never).addresses).rejects.toMatchObject({ code: 'ENOTFOUND' });
    expect(children).toHaveLength(1);
    expect(alive()).toEqual(before);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('continues when %s reaches the whole process group', async (signal) => {
    await lookUp('localhost', 4, never).addresses;
    children[0]?.kill(signal);
    expect(await lookUp('localhost', 4, never).addresses).toEqual(['127.0.0.1']);
    expect([children.length, children[0]?.signalCode]).toEqual([1, null]);
  });

  it('kills the child when it is aborted and no other look-up waits', async () => {
    instead = deaf;
    const [one, other] = [new AbortController(), new AbortController()];
    const pending = [lookUp('a.example', 4, one.signal), lookUp('b.example', 4, other.signal)] as const;
    await pending[0].started;
    const [child] = children as [ChildProcess.ChildProcess];
    const exited = once(child, 'exit');
    one.abort('enough');
    await expect(pending[0].addresses).rejects.toBe('enough');
    expect(child.killed).toBe(false);
    other.abort('enough');
    await expect(pending[1].addresses).rejects.toBe('enough');
    expect(await exited).toEqual([null, 'SIGKILL']);
    // The next look-up starts a new child.
    instead = undefined;
    expect(await lookUp('localhost', 4, never).addresses).toEqual(['127.0.0.1']);
    expect(children).toHaveLength(2);
  });

  it('does not wait for others: each has a thread, and a second child starts when all threads are in use', async () => {
    instead = deaf;
    const stop = new AbortController();
    const silent = Array.from({ length: 16 }, () => lookUp('a.example', 4, stop.signal));
    await Promise.all(silent.map(({ started }) => started));
    expect(children).toHaveLength(1);
    instead = undefined;
    expect(await lookUp('localhost', 4, never).addresses).toEqual(['127.0.0.1']);
    expect(children).toHaveLength(2);
    expect(Number(environment?.UV_THREADPOOL_SIZE)).toBe(128);
    stop.abort();
    await Promise.all(silent.map(({ addresses }) => expect(addresses).rejects.toBeInstanceOf(DOMException)));
  });

  it('runs without secrets and options of Node in its environment', async () => {
    const before = { ...process.env };
    Object.assign(process.env, { STELLAR_HANDSHAKE_SEED: 'S…', NODE_OPTIONS: '--no-warnings', RES_OPTIONS: 'attempts:1' });
    try {
      expect(await lookUp('localhost', 4, never).addresses).toEqual(['127.0.0.1']);
    } finally {
      for (const name of ['STELLAR_HANDSHAKE_SEED', 'NODE_OPTIONS', 'RES_OPTIONS'])
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
    }
    expect(environment).toMatchObject({ RES_OPTIONS: 'attempts:1' });
    expect(Object.keys(environment ?? {}).filter((name) => /^NODE_|SEED/.test(name))).toEqual([]);
  });

  it('runs in this process when a child is forbidden', async () => {
    instead = () => {
      throw Object.assign(new Error('forbidden'), { code: 'ERR_ACCESS_DENIED' });
    };
    const { started, addresses } = lookUp('localhost', 4, never);
    await started;
    expect(await addresses).toEqual(['127.0.0.1']);
  });

  it.each(['ENOENT', 'EAGAIN'])('runs in this process when no child can be started (%s)', async (code) => {
    instead = () => unstarted(code);
    const { started, addresses } = lookUp('localhost', 4, never);
    await started;
    expect(await addresses).toEqual(['127.0.0.1']);
  });

  it('runs in this process when the child dies', async () => {
    instead = deaf;
    const { started, addresses } = lookUp('localhost', 4, never);
    await started;
    children[0]?.kill('SIGKILL');
    expect(await addresses).toEqual(['127.0.0.1']);
  });

  it.each(['EMFILE', 'ENFILE'])('fails with %s when there is no file descriptor for a child', async (code) => {
    instead = () => unstarted(code);
    const { started, addresses } = lookUp('localhost', 4, never);
    await expect(started).rejects.toMatchObject({ code });
    await expect(addresses).rejects.toMatchObject({ code });
  });
});

/** What `spawn` returns when it has failed. */
function unstarted(code: string): ChildProcess.ChildProcess {
  const child = Object.assign(new EventEmitter(), {
    stdin: undefined,
    stdout: undefined,
    kill: () => false,
    ref: () => {},
    unref: () => {},
  });
  process.nextTick(() => child.emit('error', Object.assign(new Error(code), { code })));
  return child as unknown as ChildProcess.ChildProcess;
}
