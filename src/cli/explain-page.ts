/**
 * The page of `explain` on the command line: written to a file, or served during the handshake.
 * @module
 */
import { explain, type Story } from '../explain/explain.ts';
import { type LivePage, serveLive } from '../explain/live.ts';
import { pageHtml } from '../explain/page.ts';
import type { Picture } from '../explain/picture.ts';
import { PictureMaker } from '../explain/picture-maker.ts';
import { formatTarget, type Target } from '../net/target.ts';
import type { ProbeOptions } from '../probe/options.ts';
import { OverlayError } from '../protocol/errors.ts';
import { writeOutputFile } from '../report/output-file.ts';
import type { CliContext } from './context.ts';
import { openBrowser } from './open-browser.ts';
import { writeMistake } from './options.ts';

/** Changes within this many milliseconds are drawn together. */
const REDRAW_MS = 40;

/** Where the page goes. */
export interface PageArgs {
  /** Whether stdout is for JSON. */
  readonly json?: boolean | undefined;
  /** A file; `-` is stdout. */
  readonly html?: string | undefined;
  readonly open?: boolean | undefined;
}

/**
 * Does the handshake and makes its page. With `open`, the handshake begins when the page has been loaded.
 */
export async function explainOnPage(
  target: Target | undefined,
  options: ProbeOptions,
  args: PageArgs,
  context: CliContext,
): Promise<Story> {
  await using live = args.open ? await serveLive() : undefined;
  if (live !== undefined && !(await bringUp(live, args, context))) throw notOpened(context);
  const showSecrets = target === undefined || options.unsafeStepSecrets === true;
  const frame = {
    source: target === undefined ? 'demo' : 'live',
    target: target === undefined ? 'an embedded peer' : formatTarget(target),
    ...(target !== undefined && { own: 'A' as const }),
    network: options.network,
    ...(options.expectedPeerID !== undefined && { expectedPeerID: options.expectedPeerID }),
  } as const;
  let timer: NodeJS.Timeout | undefined;
  const show = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      live?.show(maker.picture);
    }, REDRAW_MS);
  };
  const maker: PictureMaker = new PictureMaker(frame, showSecrets, Date.now(), () => performance.now(), live && show);
  const story = await explain(target, options, maker);
  maker.end(story.timings ?? story.phases, story.error);
  clearTimeout(timer);
  live?.show(maker.picture);
  if (args.html !== undefined) await writePage(args.html, maker.picture, target !== undefined && showSecrets, context);
  if (live !== undefined) await untilClosed(live, context);
  return story;
}

/** Shows an existing picture. @param isSecret whether only we may read the page */
export async function showOnPage(picture: Picture, isSecret: boolean, args: PageArgs, context: CliContext): Promise<void> {
  if (args.html !== undefined) await writePage(args.html, picture, isSecret, context);
  if (!args.open) return;
  await using live = await serveLive();
  live.show(picture);
  if (await bringUp(live, args, context)) await untilClosed(live, context);
  else throw notOpened(context);
}

async function writePage(file: string, picture: Picture, isSecret: boolean, { out, err }: CliContext): Promise<void> {
  const html = await pageHtml(picture);
  if (file === '-') {
    out.document(html);
    return;
  }
  try {
    writeOutputFile(file, html, isSecret);
  } catch (error) {
    throw writeMistake('--html', error);
  }
  err.line(`${file}: ${Math.round(html.length / 1000)} kB, opens in any browser, also without a network`);
}

/** Prints the address, opens it, and waits for the page. @returns whether the page was loaded */
async function bringUp(live: LivePage, { json }: PageArgs, { out, err, signal }: CliContext): Promise<boolean> {
  (json ? err : out).line(live.url);
  const page = await openBrowser(live.url);
  try {
    err.line(
      page.isStarted
        ? 'The page opens in the browser; if it does not, open the address. To end, close the page or press Ctrl-C.'
        : 'No browser could be started: open the address in a browser on this machine. Ctrl-C ends.',
    );
    return (await Promise.race([live.opened, aborting(signal)])) === true;
  } finally {
    await page.dispose();
  }
}

async function untilClosed(live: LivePage, { signal }: CliContext): Promise<void> {
  await Promise.race([live.gone, aborting(signal)]);
}

function notOpened({ signal }: CliContext): OverlayError {
  const message = signal.aborted ? 'Interrupted before the page was opened.' : 'The page was not opened in time.';
  return new OverlayError('OVERLAY_ABORTED', { stage: 'dns', message });
}

function aborting(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
