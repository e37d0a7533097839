/** The file of a crawl: an incomplete last line is removed, everything else stays, and only one process writes at a time. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  CrawlFile,
  CrawlFileError,
  type CrawlFileErrorCode,
  CrawlResult,
  type CrawlStart,
  crawl,
  diffCrawls,
  type NodeLine,
  readCrawlFile,
} from '../../../src/crawl/index.ts';
import { networks } from '../../../src/index.ts';
import { encodePublicKey } from '../../../src/protocol/strkey.ts';

const folder = mkdtempSync(join(tmpdir(), 'crawl-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

const START: CrawlStart = {
  type: 'crawl',
  version: 1,
  network: 'standalone',
  networkID: networks.standalone.networkID,
  seeds: ['127.0.0.1:11625'],
  startedAt: '2026-01-01T00:00:00.000Z',
  peerID: 'G',
  options: { allow: [], concurrency: 1, rate: 1, timeoutMs: 1, validators: true, secondLook: true },
};
const VALIDATOR = {
  type: 'validator',
  peerID: encodePublicKey(new Uint8Array(32)),
  state: 'validating',
  heardFrom: [],
  weighed: true,
} as const;
const node = (port: number): NodeLine => ({ type: 'node', address: `127.0.0.1:${port}`, outcome: 'ok' });

let files = 0;
const fresh = (): string => join(folder, `${++files}.ndjson`);
function written(...ports: readonly number[]): string {
  const path = fresh();
  const file = CrawlFile.create(path);
  for (const line of [START, ...ports.map(node)]) file.write(line);
  file.close();
  return path;
}

describe('the file of a crawl', () => {
  it('is read as it was written', () => {
    expect([...readCrawlFile(written(1, 2))]).toEqual([START, node(1), node(2)]);
  });

  it.each(['{"type":"node","addr', '\0\0\0\0\0\0', '\0\0\0\n', '{"type":"node"'])('loses an incomplete last line: %j', (torn) => {
    const path = written(1);
    writeFileSync(path, torn, { flag: 'a' });
    expect([...readCrawlFile(path)]).toEqual([START, node(1)]);
    const file = CrawlFile.resume(path);
    expect([...file.events()]).toEqual([START, node(1)]);
    file.write(node(2));
    file.close();
    expect([...readCrawlFile(path)]).toEqual([START, node(1), node(2)]);
  });

  it('loses only the incomplete line, wherever the file ends', () => {
    const whole = readFileSync(written(1, 2, 3));
    const lines = whole.toString().split('\n').slice(0, -1);
    const before = lines.slice(0, 2).join('\n').length + 1;
    for (let cut = before; cut <= whole.length; cut++) {
      const path = fresh();
      writeFileSync(path, whole.subarray(0, cut));
      const file = CrawlFile.resume(path);
      const kept = whole.subarray(0, cut).toString().split('\n').length - 1;
      expect([...file.events()]).toEqual([START, node(1), node(2), node(3)].slice(0, kept));
      file.close();
    }
  });

  it.each<[string, (path: string) => void]>([
    ['a pipe', (path) => execFileSync('mkfifo', [path])],
    ['a directory', (path) => mkdirSync(path)],
  ])('is refused at once when it is %s', (_name, make) => {
    const path = fresh();
    make(path);
    expect(() => [...readCrawlFile(path)]).toThrow(/is not a regular file$/);
    expect(() => CrawlFile.resume(path)).toThrow(/is not a regular file$|EISDIR/);
  });

  it('is resumed even when its first line is incomplete', () => {
    for (const beginning of ['', '{"type":"cra', '{"type":"crawl","version":1,"netw']) {
      const path = fresh();
      writeFileSync(path, beginning);
      const file = CrawlFile.resume(path);
      expect([...file.events()]).toEqual([]);
      file.write(START);
      file.close();
      expect([...readCrawlFile(path)]).toEqual([START]);
    }
  });

  it.each(['SABC\n', 'SABC', '{}\n', '[]', '{"type":"node","address":"a","outcome":"ok"}\n', 'null\n'])(
    'is refused and not changed when it is another file: %j',
    (text) => {
      const path = fresh();
      writeFileSync(path, text);
      expect(() => CrawlFile.resume(path)).toThrow(/there is no crawl in it|line 1/);
      expect(() => [...readCrawlFile(path)]).toThrow(/there is no crawl in it|line 1/);
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );

  it.each([
    ['{"type":"node","address":5,"outcome":"ok"}', /line 2 is not a line that a crawl writes/],
    ['{"type":"validator","peerID":"G","state":"validating","heardFrom":[]}', /line 2 /],
    ['{"type":"quorumSet","hash":"00","quorumSet":{"threshold":5,"validators":[],"innerSets":[]}}', /line 2 .*threshold/],
    ['not JSON', /line 2 is not JSON$/],
  ])('is refused with the line number of a wrong line: %s', (line, message) => {
    const path = fresh();
    writeFileSync(path, `${JSON.stringify(START)}\n${line}\n${JSON.stringify(node(1))}\n`);
    expect(() => [...readCrawlFile(path)]).toThrow(message);
  });

  it.each([
    { type: 'node', address: 'a', outcome: 'x', error: null },
    { type: 'node', address: 'a', outcome: 'x', error: { code: 'OVERLAY_CONNECTION_REFUSED' } },
    { type: 'node', address: 'a', outcome: 'ok', remote: null },
    { type: 'node', address: 'a', outcome: 'ok', remote: { versionStr: 5 } },
    { type: 'node', address: 'a', outcome: 'ok', peerID: 5 },
    { type: 'node', address: 'a', outcome: 'not-allowed', namedBy: '5' },
    { ...VALIDATOR, state: 'asleep' },
    { ...VALIDATOR, ledgerSeq: '5' },
    { ...VALIDATOR, weighed: 'yes' },
    { type: 'end', finished: false },
    { ...START, network: 5 },
    { ...START, options: [] },
    { ...START, options: { allow: '127.0.0.0/8' } },
    { ...START, options: { allow: null } },
    { ...START, options: { versionStr: 5 } },
    { ...START, options: { quorumSet: null } },
  ])('is refused when a field has a wrong value: %j', (line) => {
    const path = written();
    writeFileSync(path, `${JSON.stringify(line)}\n`, { flag: 'a' });
    expect(() => [...readCrawlFile(path)]).toThrow(/line 2 is not a line that a crawl writes$/);
  });

  it('sets only settings of a crawl, and may use the XDR name of inner quorum sets', () => {
    const path = fresh();
    const validators = [VALIDATOR.peerID];
    const set = { threshold: 1, validators, innerQuorumSets: [] };
    const options = { ...START.options, quorumSet: set, clock: {}, identity: {}, connect: 5 };
    const lines = [
      { ...START, options },
      { type: 'quorumSet', hash: '00', quorumSet: set },
    ];
    writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const quorumSet = { threshold: 1, validators, innerSets: [] };
    expect([...readCrawlFile(path)]).toEqual([
      { ...START, options: { ...START.options, quorumSet } },
      { type: 'quorumSet', hash: '00', quorumSet },
    ]);
  });

  it('may contain lines of unknown types', () => {
    const path = written();
    writeFileSync(path, `{"type":"weather","is":"fine"}\n${JSON.stringify(node(1))}\n`, { flag: 'a' });
    expect([...readCrawlFile(path)]).toEqual([START, node(1)]);
  });

  it('is refused when its version is unknown', () => {
    const path = fresh();
    writeFileSync(path, `${JSON.stringify({ ...START, version: 2 })}\n`);
    expect(() => [...readCrawlFile(path)]).toThrow(/line 1 has version 2/);
  });

  it('is not created over an existing crawl', () => {
    const path = written(1);
    expect(() => CrawlFile.create(path)).toThrow(
      expect.objectContaining({ code: 'CRAWL_FILE_EXISTS', advice: expect.stringMatching(/--resume/) }),
    );
    expect([...readCrawlFile(path)]).toHaveLength(2);
  });

  it('is written by one process at a time', () => {
    const path = written(1);
    const first = CrawlFile.resume(path);
    expect(() => CrawlFile.resume(path)).toThrow(/is being written by another crawl \(process \d+/);
    first.close();
    CrawlFile.resume(path).close();
  });

  it('can be locked again after its writer was killed, but not when the writer is on another machine', () => {
    const path = written(1);
    // No process has this number.
    writeFileSync(`${path}.lock`, JSON.stringify({ pid: 0x7fffffff, host: hostname() }));
    CrawlFile.resume(path).close();
    // This process has this number, but was not started then.
    writeFileSync(`${path}.lock`, JSON.stringify({ pid: process.pid, host: hostname(), started: '1' }));
    if (process.platform === 'linux') CrawlFile.resume(path).close();
    writeFileSync(`${path}.lock`, JSON.stringify({ pid: 0x7fffffff, host: 'elsewhere.example' }));
    expect(() => CrawlFile.resume(path)).toThrow(/on elsewhere.example/);
  });

  it.each<[string, CrawlFileErrorCode, string]>([
    ['text', 'CRAWL_FILE_NO_CRAWL', 'hello\n'],
    ['bytes', 'CRAWL_FILE_NO_CRAWL', '\u001f\u008b\b\0\n\n'],
    ['nothing', 'CRAWL_FILE_NO_CRAWL', ''],
    ['other JSON', 'CRAWL_FILE_NO_CRAWL', '[{"publicKey":"G"}]\n'],
    ['the lines of another verb', 'CRAWL_FILE_NO_CRAWL', '{"target":"a:1","ok":true}\n'],
    ['the network ID of another network', 'CRAWL_FILE_NO_CRAWL', `${JSON.stringify({ ...START, network: 'testnet' })}\n`],
    ['a later version', 'CRAWL_FILE_VERSION', `${JSON.stringify({ ...START, version: 2 })}\n`],
    ['a wrong line', 'CRAWL_FILE_DAMAGED', `${JSON.stringify(START)}\nhello\n${JSON.stringify(node(1))}\n`],
  ])('is refused with a code, a cause and advice when it contains %s', (_name, code, text) => {
    const path = fresh();
    writeFileSync(path, text);
    let error: unknown;
    try {
      CrawlResult.of(readCrawlFile(path));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(CrawlFileError);
    const { cause, advice, message } = (error as CrawlFileError).toJSON();
    expect({ ...(error as CrawlFileError).toJSON() }).toEqual({ code, cause, advice, message });
    expect(message.startsWith(`${path}: `)).toBe(true);
    expect([cause, advice].every((part) => part.length > 5)).toBe(true);
  });

  it('is refused with a code when it does not exist or is in use', () => {
    expect(() => [...readCrawlFile(fresh())]).toThrow(expect.objectContaining({ code: 'CRAWL_FILE_NOT_READABLE' }));
    const path = written(1);
    const file = CrawlFile.resume(path);
    expect(() => CrawlFile.resume(path)).toThrow(expect.objectContaining({ code: 'CRAWL_FILE_IN_USE' }));
    file.close();
  });

  it('is removed when it is new and nothing was written', () => {
    const path = fresh();
    CrawlFile.create(path).close();
    expect(existsSync(path)).toBe(false);
    CrawlFile.create(path).close();
  });

  it('is neither resumed nor compared as a crawl of another network', async () => {
    const other = networks.testnet;
    const { networkID } = other;
    const otherStart: CrawlStart = { ...START, network: 'testnet', networkID };
    const error = expect.objectContaining({
      code: 'CRAWL_FILE_OTHER_NETWORK',
      message: expect.stringMatching(/standalone.*testnet/),
    });
    expect(() => diffCrawls(CrawlResult.of([START]), CrawlResult.of([otherStart]))).toThrow(error);
    const resumed = crawl({ network: other, seeds: ['127.0.0.1:1'], resume: [START, node(1)] });
    await expect(resumed[Symbol.asyncIterator]().next()).rejects.toEqual(error);
  });
});
