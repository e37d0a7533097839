/** The HTTP server of exporter and explain: who gets an answer, and the limits for hostile, slow or many clients. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { serveLive } from '../../../src/explain/live.ts';
import { ExporterMetrics } from '../../../src/exporter/metrics.ts';
import { type HttpAnswer, HttpServer, type HttpServerOptions } from '../../../src/http/server.ts';
import { exporter } from '../exporter/support.ts';

const HOUR = 3_600_000;
const OK: HttpAnswer = { type: 'text/plain', text: 'ok' };
const REQUEST = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';

function serve(options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  return HttpServer.listen({
    host: '127.0.0.1',
    port: 0,
    isHost: () => true,
    isLinkable: () => false,
    answer: async () => OK,
    ...options,
  });
}

async function dial({ port }: { readonly port: number }): Promise<Socket> {
  const socket = createConnection({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Resolves when the socket is closed, in any way. */
function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** The status of a GET with these headers and no others. */
async function statusOf(port: number, path: string, headers: Record<string, string>): Promise<number | undefined> {
  const asked = request({ host: '127.0.0.1', port, path, headers });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.destroy();
  return response.statusCode;
}

describe('the check of HTTP headers', () => {
  const ELSEWHERE = [
    { Host: 'rebound.example' },
    { Host: 'localhost.rebound.example' },
    { Host: '127.0.0.1.rebound.example:80' },
    { Origin: 'http://rebound.example' },
    { Origin: 'null' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' },
    { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' },
  ];
  const OURS = [{}, { 'Sec-Fetch-Site': 'none' }, { 'Sec-Fetch-Site': 'same-origin' }];

  it.each(ELSEWHERE)('refuses %j at exporter', async (headers) => {
    await using exporting = await exporter();
    const own = { Host: `127.0.0.1:${exporting.port}` };
    for (const path of ['/', '/metrics', '/probe?target=127.0.0.1:1'])
      expect([path, await statusOf(exporting.port, path, { ...own, ...headers })]).toEqual([path, 403]);
  });

  it('lets a link from another page open the start page of exporter, but no probe', async () => {
    await using exporting = await exporter();
    const { port } = exporting;
    const led = {
      Host: `127.0.0.1:${port}`,
      'Sec-Fetch-Site': 'cross-site',
      'Sec-Fetch-Mode': 'navigate',
      'Sec-Fetch-Dest': 'document',
    };
    expect(await statusOf(port, '/', led)).toBe(200);
    for (const path of ['/probe?target=127.0.0.1:1', '/x/../probe?target=127.0.0.1:1', '/%2e/probe?target=127.0.0.1:1'])
      expect(await statusOf(port, path, led)).toBe(403);
  });

  it.each(ELSEWHERE)('refuses %j at a live page', async (headers) => {
    await using live = await serveLive({ waitMs: HOUR, goneMs: HOUR, totalMs: HOUR });
    const { port, host, pathname } = new URL(live.url);
    for (const path of [pathname, `${pathname}events`])
      expect([path, await statusOf(Number(port), path, { Host: host, ...headers })]).toEqual([path, 403]);
  });

  it.each(OURS)('accepts %j at exporter and at a live page', async (headers) => {
    await using exporting = await exporter();
    await using live = await serveLive({ waitMs: HOUR, goneMs: HOUR, totalMs: HOUR });
    const { port, host, pathname } = new URL(live.url);
    expect(await statusOf(exporting.port, '/-/healthy', { Host: `127.0.0.1:${exporting.port}`, ...headers })).toBe(200);
    expect(await statusOf(Number(port), pathname, { Host: host, ...headers })).toBe(200);
  });

  it('accepts addresses, localhost and the configured names at exporter, with any port', async () => {
    await using exporting = await exporter({ names: ['exporter.internal'] });
    for (const host of ['127.0.0.1', '[::1]:80', '10.1.2.3:9', 'localhost', 'LOCALHOST:1', 'Exporter.Internal:11627'])
      expect([host, await statusOf(exporting.port, '/-/healthy', { Host: host })]).toEqual([host, 200]);
    for (const host of ['internal', 'exporter.internal.', 'exporter.internal:x', '[localhost]']) {
      expect([host, await statusOf(exporting.port, '/-/healthy', { Host: host })]).toEqual([host, 403]);
    }
  });
});

describe('the limits of the HTTP server', () => {
  it('handle one request at a time: pipelined requests after it are not read', async () => {
    let asked = 0;
    let finish!: (answer: HttpAnswer) => void;
    await using server = await serve({
      answer: () => {
        asked++;
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
    });
    const socket = await dial(server);
    socket.write(REQUEST.repeat(2_000));
    await vi.waitUntil(() => asked > 0);
    finish(OK);
    const came = await text(socket);
    expect(asked).toBe(1);
    expect(came.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(came).toContain('Connection: close');
  });

  it('accept a request in any number of segments, and further requests on the same connection', async () => {
    await using server = await serve();
    const socket = await dial(server);
    socket.setNoDelay(true);
    for (const pieces of [[...`\r\n\n${REQUEST}`], [REQUEST], ['GET / HTTP/1.1\r\nHost: a\r\n\r', '\n']]) {
      const answered = once(socket, 'data');
      for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve));
      expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 200 [\s\S]*Connection: keep-alive/);
    }
    socket.destroy();
  });

  it('close an idle connection for a new one, but not one with a request', async () => {
    let finish!: (answer: HttpAnswer) => void;
    await using server = await serve({
      limits: { sockets: 3 },
      answer: ({ url }) =>
        url === '/wait'
          ? new Promise((resolve) => {
              finish = resolve;
            })
          : Promise.resolve(OK),
    });
    const served = await dial(server);
    served.write(REQUEST.replace('/', '/wait'));
    await vi.waitUntil(() => finish !== undefined);
    const idle = [await dial(server), await dial(server)];
    const gone = ended(idle[0] as Socket);
    const fresh = await dial(server);
    fresh.write(REQUEST);
    await once(fresh, 'data');
    await gone;
    expect(idle[1]?.destroyed).toBe(false);
    finish(OK);
    await once(served, 'data');
    for (const socket of [served, ...idle, fresh]) socket.destroy();
  });

  it('close a connection whose client does not read the answer', async () => {
    const text = 'x'.repeat(64_000_000);
    let isDropped = false;
    await using server = await serve({
      limits: { unreadMs: 20 },
      answer: async ({ socket }) => {
        socket.once('close', () => {
          isDropped = true;
        });
        return { ...OK, text };
      },
    });
    const socket = await dial(server);
    socket.write(REQUEST);
    await once(socket, 'readable');
    await vi.waitUntil(() => isDropped);
    socket.resume();
    await ended(socket);
    expect(socket.bytesRead).toBeLessThan(text.length);
  });

  it('close a connection after a number of requests, and after a time', async () => {
    for (const [limits, requests] of [[{ requests: 2 }, 2] as const, [{ ageMs: -1 }, 1] as const]) {
      await using server = await serve({ limits });
      const socket = await dial(server);
      const came = text(socket);
      for (let i = 0; i < requests; i++) {
        socket.write(REQUEST);
        await once(socket, 'data');
      }
      expect(await came).toContain('Connection: close');
    }
  });

  it('refuse a request body without waiting for it', async () => {
    await using server = await serve();
    const socket = await dial(server);
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nx');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 405 [\s\S]*Connection: close/);
  });

  it('let close() end connections that do not read, or still wait for an answer', async () => {
    const server = await serve({
      answer: ({ url }) => (url === '/never' ? new Promise(() => {}) : Promise.resolve({ ...OK, text: 'x'.repeat(64_000_000) })),
    });
    const unread = await dial(server);
    unread.write(REQUEST);
    await once(unread, 'readable');
    const never = await dial(server);
    never.write(REQUEST.replace('/', '/never'));
    const idle = await dial(server);
    const over = Promise.all([unread, never, idle].map(ended));
    await server.close();
    // A socket shows its end only when its bytes are read.
    for (const socket of [unread, never, idle]) socket.resume();
    await over;
  });
});

it('the metrics of the process are computed once for requests at the same time', async () => {
  const metrics = new ExporterMetrics(() => 0);
  const make = vi.spyOn(metrics.registry, 'metrics');
  const [first, second] = await Promise.all([metrics.text(), metrics.text()]);
  expect(second).toBe(first);
  await metrics.text();
  expect(make).toHaveBeenCalledTimes(2);
});
