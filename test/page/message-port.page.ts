/** A whole handshake in a browser, without a TCP socket: a page and its worker over a MessagePort. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBrowser, Viewer } from './support/browser.ts';

describe.runIf(findBrowser())('the protocol over a MessagePort in a browser', () => {
  let viewer: Viewer;
  let server: Server;
  let url: string;

  beforeAll(async () => {
    viewer = await Viewer.start();
    const code = await bundle();
    server = createServer(({ url: asked }, response) => {
      response.setHeader('content-type', asked === '/app.js' ? 'text/javascript' : 'text/html');
      response.end(
        asked === '/app.js'
          ? code
          : '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/app.js"></script>',
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    server.close();
  });

  it.each([
    ['standalone', { peerID: expect.stringMatching(/^G[A-Z2-7]{55}$/), heard: 'GET_SCP_STATE' }],
    // The worker drops it without a message, as stellar-core does.
    ['testnet', { code: 'OVERLAY_CONNECTION_CLOSED' }],
  ])('dials as a node of %s', async (network, result) => {
    const page = await viewer.open(url);
    await page.waitForFunction('"dial" in globalThis');
    const dialled = page.evaluate(
      (name) => (globalThis as unknown as { dial(worker: string, network: string): Promise<unknown> }).dial('/app.js', name),
      network,
    );
    expect(await dialled).toEqual(result);
    expect(viewer.complaints.filter((complaint) => complaint !== `request: ${url}app.js`)).toEqual([]);
    await viewer.leave(page);
  });
});

/** The example and its imports, bundled for a browser. */
async function bundle(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2022',
      lib: { entry: fileURLToPath(new URL('support/port-app.ts', import.meta.url)), formats: ['es'] },
    },
  });
  const [first] = Array.isArray(built) ? built : [built];
  if (first === undefined || !('output' in first)) throw new Error('nothing was built');
  return first.output[0].code;
}
