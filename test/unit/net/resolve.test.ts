/** The addresses of a name before dialling: resolvers that answer for one family only, late, or never. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Family } from '../../../src/net/lookup.ts';
import { type ResolveOptions, resolveName } from '../../../src/net/resolve.ts';
import { ManualClock } from '../../../src/testing/index.ts';

const TIMEOUT_MS = 10_000;

/** A resolver whose answers are given by hand. */
class Resolver {
  readonly clock = new ManualClock();
  readonly signals: AbortSignal[] = [];
  readonly #asked = new Map<Family, { resolve: (found: readonly string[]) => void; reject: (error: unknown) => void }>();

  readonly lookup = (_host: string, family: Family, signal: AbortSignal): Promise<readonly string[]> => {
    this.signals.push(signal);
    return new Promise((resolve, reject) => this.#asked.set(family, { resolve, reject }));
  };

  get asked(): readonly Family[] {
    return [...this.#asked.keys()];
  }

  start(more: Partial<ResolveOptions> = {}): Promise<readonly string[]> {
    const { lookup, clock } = this;
    const found = resolveName({ host: 'a.example', lookup, clock, timeoutMs: TIMEOUT_MS, ...more });
    found.catch(() => {});
    return found;
  }

  async answer(family: Family, ...addresses: readonly string[]): Promise<void> {
    this.#asked.get(family)?.resolve(addresses);
    await settle();
  }

  async fail(family: Family, code: string): Promise<void> {
    this.#asked.get(family)?.reject(Object.assign(new Error(code), { code }));
    await settle();
  }
}

/** Lets promises settle. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

describe('resolveName', () => {
  let resolver: Resolver;
  beforeEach(() => {
    resolver = new Resolver();
  });
  afterEach(() => {
    // Nothing stays behind: no look-up, no timer.
    expect(resolver.signals.every(({ aborted }) => aborted)).toBe(true);
    expect(resolver.clock.timers).toBe(0);
  });

  it('takes the answer for both families, in its order', async () => {
    const found = resolver.start();
    await resolver.answer(0, '127.0.0.1', '::1');
    expect(await found).toEqual(['127.0.0.1', '::1']);
    expect(resolver.asked).toEqual([0]);
  });

  it('asks for each family alone when there is no answer for both', async () => {
    const found = resolver.start();
    resolver.clock.advance(249);
    expect(resolver.asked).toEqual([0]);
    resolver.clock.advance(1);
    expect(resolver.asked).toEqual([0, 6, 4]);
    await resolver.answer(4, '127.0.0.1');
    await resolver.answer(6, '::1');
    expect(await found).toEqual(['::1', '127.0.0.1']);
  });

  it.each<[Family, string]>([
    [4, '127.0.0.1'],
    [6, '::1'],
  ])('takes the addresses of family %i when the other family is never answered', async (family, address) => {
    const found = resolver.start();
    resolver.clock.advance(250);
    await resolver.answer(family, address);
    resolver.clock.advance(1_000);
    expect(await found).toEqual([address]);
  });

  it('takes the addresses of one family at once when the other family has none', async () => {
    const found = resolver.start();
    resolver.clock.advance(250);
    await resolver.fail(6, 'ENOTFOUND');
    await resolver.answer(4, '127.0.0.1');
    expect(await found).toEqual(['127.0.0.1']);
  });

  it('waits for the answer for both families when each family alone fails', async () => {
    const found = resolver.start();
    resolver.clock.advance(250);
    await resolver.fail(6, 'EAI_AGAIN');
    await resolver.fail(4, 'EAI_AGAIN');
    await resolver.answer(0, '127.0.0.1');
    expect(await found).toEqual(['127.0.0.1']);
  });

  it('ignores addresses of the wrong family', async () => {
    const found = resolver.start();
    resolver.clock.advance(250);
    await resolver.answer(6, '127.0.0.1');
    await resolver.answer(4, '127.0.0.1', '::1');
    expect(await found).toEqual(['127.0.0.1']);
  });

  it('asks only for the wanted family', async () => {
    const found = resolver.start({ family: 4 });
    resolver.clock.advance(250);
    expect(resolver.asked).toEqual([4]);
    await resolver.answer(4, '127.0.0.1');
    expect(await found).toEqual(['127.0.0.1']);
  });

  it('fails after the time limit, whether or not the resolver reacts to the signal', async () => {
    const found = resolver.start();
    resolver.clock.advance(TIMEOUT_MS);
    await expect(found).rejects.toMatchObject({ code: 'OVERLAY_NAME_LOOKUP_TIMEOUT', stage: 'dns' });
  });

  it('fails when it is aborted, whether or not the resolver reacts to the signal', async () => {
    const stop = new AbortController();
    const found = resolver.start({ signal: stop.signal });
    stop.abort();
    await expect(found).rejects.toMatchObject({ code: 'OVERLAY_ABORTED', stage: 'dns' });
  });

  it('fails with the reason of the resolver', async () => {
    const found = resolver.start();
    await resolver.fail(0, 'ENOTFOUND');
    await expect(found).rejects.toMatchObject({ code: 'OVERLAY_NAME_NOT_FOUND', stage: 'dns' });
  });
});
