/** Seeds of a crawl: host names that are looked up while others are visited, spellings, IP versions, the limit of addresses. */
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type CrawlEvent, type CrawlOptions, crawl } from '../../../src/crawl/index.ts';
import { type Listener, listen, NodeIdentity, networks } from '../../../src/index.ts';
import { collect, found } from './support.ts';

const network = networks.standalone;
const open: Listener[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.close()));
});

/** A node that sends these addresses, and its own address. */
async function node(host: string, names: readonly { readonly ip: string; readonly port: number }[] = []) {
  const connects: string[] = [];
  const peers = names.map((name) => ({ ...name, numFailures: 0 }));
  const listener = await listen({ network, identity: NodeIdentity.random(), host, port: 0, peers });
  open.push(listener);
  void (async () => {
    for await (const connection of listener) {
      connects.push(connection.remote.peerID);
      void (async () => {
        for await (const _message of connection);
      })().catch(() => {});
    }
  })();
  const { port } = listener;
  return { ip: host, port, address: `${host}:${port}`, connects };
}

function settings(options: Partial<CrawlOptions>): CrawlOptions {
  return { network, seeds: [], allow: ['127.8.0.0/16'], timeoutMs: 4_000, validators: false, ...options };
}

function later<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((is) => {
    resolve = is;
  });
  return { promise, resolve };
}

describe('a seed with a slow name look-up', () => {
  it('does not delay other seeds', async () => {
    const [first, second] = [await node('127.8.0.1'), await node('127.8.0.2')];
    const answer = later<readonly string[]>();
    const lookup = (host: string): Promise<readonly string[]> =>
      host === 'slow.example' ? answer.promise : Promise.resolve([second.ip]);
    const seeds = [`slow.example:${first.port}`, `quick.example:${second.port}`];
    const events: CrawlEvent[] = [];
    for await (const event of crawl(settings({ seeds, lookup }))) {
      events.push(event);
      // Only now is the other name known.
      if (event.type === 'node' && event.address === second.address) answer.resolve([first.ip]);
    }
    const { nodes, end } = found(events);
    expect(nodes.get(first.address)).toMatchObject({ outcome: 'ok', seed: seeds[0] });
    expect(nodes.get(second.address)).toMatchObject({ outcome: 'ok', seed: seeds[1] });
    expect(end).toMatchObject({ finished: true, counts: { addresses: 2, left: 0, outcomes: { ok: 2 } } });
  });

  it('is reported as a seed and dialled once, even if another node has named its address before', async () => {
    const hidden = await node('127.8.0.3');
    const first = await node('127.8.0.4', [{ ip: hidden.ip, port: hidden.port }]);
    const answer = later<readonly string[]>();
    const seeds = [first.address, `slow.example:${hidden.port}`];
    const events: CrawlEvent[] = [];
    for await (const event of crawl(settings({ seeds, lookup: () => answer.promise }))) {
      events.push(event);
      if (event.type === 'node' && event.address === hidden.address) answer.resolve([hidden.ip]);
    }
    const { nodes, end } = found(events);
    expect(nodes.get(hidden.address)).toMatchObject({ outcome: 'ok', seed: seeds[1] });
    expect(hidden.connects).toHaveLength(1);
    expect(end.counts).toMatchObject({ addresses: 2, left: 0, outcomes: { ok: 2 } });
  });

  it('may be dialled, even if its address was refused when another node named it', async () => {
    const outside = await node('127.9.0.1');
    const first = await node('127.8.0.5', [{ ip: outside.ip, port: outside.port }]);
    const answer = later<readonly string[]>();
    const seeds = [first.address, `slow.example:${outside.port}`];
    const events: CrawlEvent[] = [];
    for await (const event of crawl(settings({ seeds, lookup: () => answer.promise }))) {
      events.push(event);
      if (event.type !== 'node' || event.address !== outside.address) continue;
      if (event.outcome === 'not-allowed') answer.resolve([outside.ip]);
    }
    const { nodes, end } = found(events);
    expect(nodes.get(outside.address)).toMatchObject({ outcome: 'ok', seed: seeds[1] });
    expect(end.counts).toEqual(expect.objectContaining({ addresses: 2, left: 0, outcomes: { ok: 2 } }));
  });

  it('has no result when the crawl is interrupted, and is looked up again by a resumed crawl', async () => {
    const target = await node('127.8.0.6');
    const seeds = [`slow.example:${target.port}`];
    const stop = new AbortController();
    const asked = later<void>();
    const lookup = (_host: string, _family: number, signal: AbortSignal): Promise<readonly string[]> => {
      asked.resolve();
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    void asked.promise.then(() => stop.abort());
    const { events, end, nodes } = await collect(crawl(settings({ seeds, lookup, signal: stop.signal })));
    expect(end.finished).toBe(false);
    expect(nodes.size).toBe(0);
    const again = await collect(crawl(settings({ seeds, lookup: async () => [target.ip], resume: events })));
    expect(again.nodes.get(target.address)).toMatchObject({ outcome: 'ok', seed: seeds[0] });
  });
});

describe('the seeds of a crawl', () => {
  it('are dialled once for all spellings of the same address', async () => {
    const target = await node('127.8.0.7');
    const seeds = [
      target.address,
      target.address,
      `[::ffff:127.8.0.7]:${target.port}`,
      `[::FFFF:7f08:7]:${target.port}`,
      `[0:0:0:0:0:ffff:7f08:7]:${target.port}`,
      `Core.Example:${target.port}`,
      `core.example.:${target.port}`,
    ];
    const { nodes, end } = await collect(crawl(settings({ seeds, lookup: async () => [target.ip] })));
    expect([...nodes.keys()]).toEqual([target.address]);
    expect(target.connects).toHaveLength(1);
    expect(end.counts).toMatchObject({ addresses: 1, left: 0 });
  });

  it.each(['127.1', '0x7f.1', '127.0.0.0x1', '2130706433', '127.0.0.1.', '[::1%]', '127.0.0.1%lo', ''])(
    'are refused in the spelling %j, which is neither an address nor a name',
    (seed) => {
      expect(() => crawl(settings({ seeds: [seed] }))).toThrow(TypeError);
    },
  );

  it('count against the limit of addresses', async () => {
    const [first, second] = [await node('127.8.0.8'), await node('127.8.0.9')];
    const seeds = [first.address, second.address];
    const { nodes, end } = await collect(crawl(settings({ seeds, maxNodes: 1 })));
    expect(nodes.get(first.address)?.outcome).toBe('ok');
    expect(nodes.get(second.address)).toMatchObject({ outcome: 'not-dialled', namedBy: 0 });
    expect(second.connects).toHaveLength(0);
    expect(end.counts).toMatchObject({ addresses: 2, left: 0 });
  });
});

describe('a crawl of one IP version', () => {
  it('does not dial named addresses of the other version, and looks up names for its own version', async () => {
    let dialled = 0;
    const six = createServer((socket) => {
      dialled++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => six.listen(0, '::1', resolve));
    const { port } = six.address() as { port: number };
    const first = await node('127.8.0.10', [{ ip: '::1', port }]);
    const families: number[] = [];
    const lookup = async (_host: string, family: number): Promise<readonly string[]> => {
      families.push(family);
      return [first.ip];
    };
    const seeds = [`name.example:${first.port}`];
    const allow = ['127.8.0.0/16', '::1'];
    const { nodes, events } = await collect(crawl(settings({ seeds, allow, lookup, family: 4 })));
    six.close();
    expect(families).toEqual([4]);
    expect(dialled).toBe(0);
    expect(nodes.get(first.address)?.outcome).toBe('ok');
    expect(nodes.get(`[::1]:${port}`)).toMatchObject({ outcome: 'not-allowed', namedBy: 1 });
    expect(events[0]).toMatchObject({ type: 'crawl', options: { family: 4 } });
  });

  it('is refused for a version other than 4 and 6', () => {
    expect(() => crawl(settings({ family: 5 as never }))).toThrow(RangeError);
  });
});
