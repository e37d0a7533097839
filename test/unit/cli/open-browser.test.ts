/** Opening the page: only the browser gets the address. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openBrowser } from '../../../src/cli/open-browser.ts';
import { NodeIdentity } from '../../../src/index.ts';
import { encodeSecretSeed } from '../../../src/protocol/strkey.ts';
import { finished, jsonLines, startCli } from '../../support/cli.ts';

const URL_WITH_TOKEN = 'http://127.0.0.1:4711/a-token-for-this-test/';

describe.runIf(process.platform === 'linux')('openBrowser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'open-browser-'));
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  it('gives the browser a file that leads to the address, so that the token is on no command line', async () => {
    const seen = join(folder, 'seen');
    const opener = join(folder, 'xdg-open');
    writeFileSync(opener, `#!/bin/sh\nprintf '%s\\n' "$@" > ${seen}.new && mv ${seen}.new ${seen}\n`);
    chmodSync(opener, 0o755);
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
    const page = await openBrowser(URL_WITH_TOKEN);
    expect(page.isStarted).toBe(true);
    await vi.waitUntil(() => existsSync(seen));
    const [argument = '', ...more] = readFileSync(seen, 'utf8').trim().split('\n');
    expect(more).toEqual([]);
    expect(argument).not.toContain('a-token-for-this-test');
    const file = fileURLToPath(argument);
    expect(readFileSync(file, 'utf8')).toContain(`url=${URL_WITH_TOKEN}"`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
    await page.dispose();
    expect(existsSync(dirname(file))).toBe(false);
  });

  it('starts the browser without the seed in its environment', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'open-browser-'));
    const seen = join(folder, 'seen');
    const opener = join(folder, 'xdg-open');
    writeFileSync(opener, `#!/bin/sh\nenv > ${seen}.new && mv ${seen}.new ${seen}\n`);
    chmodSync(opener, 0o755);
    const seed = encodeSecretSeed(new Uint8Array(32).fill(9));
    const env = { PATH: `${folder}:${process.env.PATH}`, STELLAR_HANDSHAKE_SEED: seed, MARK_OF_THIS_TEST: '1' };
    const child = startCli(['explain', '--open'], env);
    await vi.waitUntil(() => existsSync(seen), { timeout: 10_000 });
    const inherited = readFileSync(seen, 'utf8');
    child.kill('SIGTERM');
    await finished(child);
    rmSync(folder, { recursive: true });
    expect(inherited).toContain('MARK_OF_THIS_TEST=1');
    expect(inherited).not.toContain(seed);
    expect(inherited).not.toContain('STELLAR_HANDSHAKE_SEED');
    const { peerID } = NodeIdentity.fromSecretSeed(seed);
    const listening = startCli(['listen', '0', '--json'], env);
    expect(await jsonLines(listening)()).toMatchObject({ peerID });
    listening.kill('SIGTERM');
    await finished(listening);
  });

  it('reports when no browser can be started', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    const page = await openBrowser(URL_WITH_TOKEN);
    expect(page.isStarted).toBe(false);
    await page.dispose();
  });
});
