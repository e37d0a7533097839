/** Builds the page before its tests, where there is a browser to test it with. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findBrowser } from './browser.ts';

/** Called once by vitest. */
export function setup(): void {
  if (findBrowser() === undefined) {
    process.stderr.write('The page is not tested: there is no Chromium here. Install one, or name it in CHROMIUM.\n');
    return;
  }
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  execFileSync('npm', ['run', '--silent', 'build:page'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, NODE_ENV: 'production' },
  });
}
