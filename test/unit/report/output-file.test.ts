/** Output files are checked before anything is written. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Listener, listen, networks } from '../../../src/index.ts';
import { openSecretLog, writeOutputFile } from '../../../src/report/output-file.ts';
import { callCli } from '../../support/cli.ts';

const directory = mkdtempSync(join(tmpdir(), 'output-file-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let made = 0;
const newPath = (): string => join(directory, String(++made));
/** The existing content, which must not change. */
function existing(mode = 0o600): string {
  const path = newPath();
  writeFileSync(path, 'theirs');
  chmodSync(path, mode);
  return path;
}
const isRoot = process.getuid?.() === 0;

describe('an output file with secrets', () => {
  it('is readable by its owner only, for any umask', () => {
    const umask = process.umask(0);
    const path = newPath();
    writeOutputFile(path, 'secret', true);
    process.umask(umask);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toBe('secret');
  });

  it('replaces an existing file of ours: a reader that has the old file open does not see the new content', () => {
    for (const mode of [0o600, 0o644]) {
      const path = existing(mode);
      const opened = openSync(path, 'r');
      writeOutputFile(path, 'secret', true);
      expect(readFileSync(opened, 'utf8')).toBe('theirs');
      closeSync(opened);
      expect(readFileSync(path, 'utf8')).toBe('secret');
      expect(statSync(path).mode & 0o777).toBe(0o600);
    }
  });

  it.skipIf(!isRoot)('is not written over a file of another user (needs root)', () => {
    for (const write of [(path: string) => writeOutputFile(path, 'secret', true), openSecretLog]) {
      const path = existing();
      chownSync(path, 65_534, 65_534);
      expect(() => write(path)).toThrow('belongs to another user');
      expect(readFileSync(path, 'utf8')).toBe('theirs');
    }
  });
});

describe('a log with secrets', () => {
  it('is readable by its owner only, and is appended to', () => {
    const path = newPath();
    for (const text of ['a\n', 'b\n']) {
      const fd = openSecretLog(path);
      writeSync(fd, text);
      closeSync(fd);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toBe('a\nb\n');
  });

  it.each([0o644, 0o640, 0o620, 0o601])('is not written into a file that others may access: mode %i', (mode) => {
    const path = existing(mode);
    expect(() => openSecretLog(path)).toThrow(`${path} has mode ${mode.toString(8)}`);
    expect(readFileSync(path, 'utf8')).toBe('theirs');
  });

  it('is not written into a file with a second name', () => {
    const path = existing();
    linkSync(path, newPath());
    expect(() => openSecretLog(path)).toThrow('has more than one name');
    expect(readFileSync(path, 'utf8')).toBe('theirs');
  });
});

describe.each([true, false])('an output file (with secrets: %s)', (isSecret) => {
  it('is not written through a link', () => {
    const target = existing();
    const missing = newPath();
    for (const to of [target, missing]) {
      const path = newPath();
      symlinkSync(to, path);
      expect(() => writeOutputFile(path, 'x', isSecret)).toThrow(`${path} is a link`);
    }
    expect(readFileSync(target, 'utf8')).toBe('theirs');
    expect(existsSync(missing)).toBe(false);
  });

  it('is not written to a device, a directory or a pipe', () => {
    const pipe = newPath();
    execFileSync('mkfifo', [pipe]);
    expect(() => writeOutputFile('/dev/null', 'x', isSecret)).toThrow('/dev/null is not a file');
    expect(() => writeOutputFile(pipe, 'x', isSecret)).toThrow(`${pipe} is not a file`);
    expect(() => writeOutputFile(directory, 'x', isSecret)).toThrow('EISDIR');
  });
});

describe('the command line with a wrong output path', () => {
  const link = (): string => {
    const path = newPath();
    symlinkSync(existing(), path);
    return path;
  };
  const open = (): string => existing(0o644);
  let node: Listener;
  beforeAll(async () => {
    node = await listen({ network: networks.standalone, port: 0 });
  });
  afterAll(() => node.close());

  it.each([
    ['probe --junit', link, (path: string) => ['probe', 'TARGET', '--junit', path]],
    ['probe --record', link, (path: string) => ['probe', 'TARGET', '--record', path]],
    ['probe --keylog', link, (path: string) => ['probe', 'TARGET', '--keylog', path]],
    ['probe --keylog', open, (path: string) => ['probe', 'TARGET', '--keylog', path]],
    ['explain --html', link, (path: string) => ['explain', 'TARGET', '--html', path]],
    ['explain --html', link, (path: string) => ['explain', 'TARGET', '--unsafe-show-secrets', '--html', path]],
    ['audit --junit', link, (path: string) => ['audit', 'TARGET', '--only', 'hello', '--junit', path]],
    ['audit --html', link, (path: string) => ['audit', 'TARGET', '--only', 'hello', '--html', path]],
    ['keygen', link, (path: string) => ['keygen', path]],
  ] as const)('%s exits with 2 and changes no file', async (_name, make, args) => {
    const path = make();
    const target = `127.0.0.1:${node.port}`;
    const { code, stderr } = await callCli([
      ...args(path).map((arg) => (arg === 'TARGET' ? target : arg)),
      ...(args(path)[0] === 'keygen' ? [] : ['--network', 'standalone']),
    ]);
    expect(stderr).toContain(path);
    expect(code).toBe(2);
    expect(readFileSync(path, 'utf8')).toBe('theirs');
  });
});
