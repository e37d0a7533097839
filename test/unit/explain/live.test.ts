/** The server of a live page ends by itself. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { serveLive } from '../../../src/explain/live.ts';
import type { Picture } from '../../../src/explain/picture.ts';

const HOUR = 3_600_000;
const PICTURE: Picture = {
  version: 1,
  source: 'demo',
  target: 'a test',
  addresses: {},
  events: [],
  omitted: 0,
  secrets: {},
  running: true,
};

/** Opens the event stream, as a page does. */
async function read(url: string): Promise<IncomingMessage> {
  const request = get(`${url}events`);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

describe('a live page', () => {
  it('ends when no browser opens it in time', async () => {
    await using live = await serveLive({ waitMs: 20, goneMs: HOUR, totalMs: HOUR });
    expect(await live.opened).toBe(false);
    await live.gone;
  });

  it('ends when the browser has closed it', async () => {
    await using live = await serveLive({ waitMs: HOUR, goneMs: 20, totalMs: HOUR });
    const response = await read(live.url);
    expect(await live.opened).toBe(true);
    response.destroy();
    await live.gone;
  });

  it('ends after its maximum time, even with a reader', async () => {
    await using live = await serveLive({ waitMs: HOUR, goneMs: HOUR, totalMs: 200 });
    const response = await read(live.url);
    await live.gone;
    response.destroy();
  });

  it('sends the current picture, then each new one', async () => {
    await using live = await serveLive({ waitMs: HOUR, goneMs: HOUR, totalMs: HOUR });
    live.show(PICTURE);
    const response = await read(live.url);
    expect(response.headers['content-type']).toBe('text/event-stream');
    const [first] = (await once(response, 'data')) as [Buffer];
    expect(first.toString()).toBe(`event: picture\ndata: ${JSON.stringify(PICTURE)}\n\n`);
    const next = { ...PICTURE, running: false };
    live.show(next);
    const [second] = (await once(response, 'data')) as [Buffer];
    expect(second.toString()).toContain('"running":false');
    response.destroy();
  });

  it('refuses a ninth reader', async () => {
    await using live = await serveLive({ waitMs: HOUR, goneMs: HOUR, totalMs: HOUR });
    const readers = await Promise.all(Array.from({ length: 8 }, () => read(live.url)));
    const ninth = await read(live.url);
    expect(ninth.statusCode).toBe(503);
    for (const response of [...readers, ninth]) response.destroy();
  });

  it('answers GET only, on loopback only', async () => {
    await using live = await serveLive({ waitMs: HOUR, goneMs: HOUR, totalMs: HOUR });
    expect(new URL(live.url).hostname).toBe('127.0.0.1');
    expect((await fetch(live.url, { method: 'POST' })).status).toBe(405);
    const answer = await fetch(live.url);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    const html = await answer.text();
    expect(html).toContain("default-src 'none'; connect-src 'self';");
    expect(html).toContain('{"live":"events"}');
  });
});
