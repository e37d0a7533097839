/**
 * Opening a page in the browser of whoever sits here.
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

/** A page that was handed to the browser. */
export interface OpenedPage {
  /** Whether something was there to open it with; it may still fail. */
  readonly isStarted: boolean;
  /** Removes what lay on the way. */
  dispose(): Promise<void>;
}

/**
 * Opens an address that holds a secret. Command lines can be read by everybody on the machine, so that the browser is
 * given a file that only we can read and that leads there.
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
