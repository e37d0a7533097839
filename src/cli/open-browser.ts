/**
 * Opens a page in the user's browser.
 * @module
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', '""'],
};

/** A page that was passed to the browser. */
export interface OpenedPage {
  /** Whether a program to open it could be started; opening may still fail. */
  readonly isStarted: boolean;
  /** Removes the temporary files. */
  dispose(): Promise<void>;
}

/**
 * Opens an address that contains a secret. Every user of the machine can read command lines. The browser therefore gets a file
 * that only we can read and that redirects to the address.
 */
export async function openBrowser(url: string): Promise<OpenedPage> {
  const folder = await mkdtemp(join(tmpdir(), 'stellar-handshake-'));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const file = join(folder, 'handshake.html');
    const html = `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=${url}"><title>Handshake</title>\n`;
    await writeFile(file, html, { mode: 0o600, flag: 'wx' });
    const [command = 'xdg-open', ...args] = OPENERS[process.platform] ?? ['xdg-open'];
    const child = spawn(command, [...args, pathToFileURL(file).href], { detached: true, stdio: 'ignore' });
    const isStarted = await new Promise<boolean>((resolve) => {
      child.once('spawn', () => resolve(true));
      child.once('error', () => resolve(false));
    });
    child.unref();
    return { isStarted, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
