/** The order and time of dialling addresses, and the outcome of each. The clock is manual, and nothing is dialled. */
import { EventEmitter } from 'node:events';
import type * as Net from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connect, type DialAttempt, type Lookup, networks, OverlayError } from '../../../src/index.ts';
import { type DialOptions, dial } from '../../../src/net/dial.ts';
import { ManualClock } from '../../../src/testing/index.ts';

/** A socket that a test controls. */
class FakeSocket extends EventEmitter {
  address = '';
  isDestroyed = false;

  setNoDelay(): this {
    return this;
  }

  connect({ host }: { host: string }): this {
    this.address = host;
    sockets.push(this);
    return this;
  }

  destroy(): this {
    this.isDestroyed = true;
    return this;
  }

  fails(code: string): void {
    this.emit('error', Object.assign(new Error(`connect ${code}`), { code }));
  }
}

let sockets: FakeSocket[];
let clock: ManualClock;

vi.mock('node:net', async (original) => ({
  ...(await original<typeof Net>()),
  // A function, because FakeSocket is not defined yet.
  Socket: function Socket() {
    return new FakeSocket();
  },
}));

beforeEach(() => {
  sockets = [];
  clock = new ManualClock();
});

afterEach(() => expect(clock.timers).toBe(0));

const [A, B, C] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'] as const;
const [A6, B6] = ['2001:db8::1', '2001:db8::2'] as const;

/** Everything that is already on its way has happened. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Dials a name that has these addresses. */
function dialling(addresses: readonly string[], options: Partial<DialOptions> = {}) {
  const told: DialAttempt[][] = [];
  const phases: [string, number][] = [];
  const outcome = dial({
    ...{ host: 'a.example', port: 11625, clock, timeoutMs: 10_000, lookup: async () => addresses },
    onDialled: (attempts) => told.push([...attempts]),
    onPhase: (phase, ms) => phases.push([phase, ms]),
    ...options,
  }).catch((error: unknown) => error as OverlayError);
  return { outcome, told, phases };
}

const dialled = (): string[] => sockets.map(({ address }) => address);

describe('the connection attempts to several addresses', () => {
  it('begin 250 ms apart; an earlier one continues until one connects', async () => {
    const { outcome, told, phases } = dialling([A, B, C]);
    await settled();
    expect(dialled()).toEqual([A]);
    clock.advance(249);
    expect(dialled()).toEqual([A]);
    clock.advance(1);
    expect(dialled()).toEqual([A, B]);
    clock.advance(250);
    expect(dialled()).toEqual([A, B, C]);
    clock.advance(9_000);
    expect(sockets.some(({ isDestroyed }) => isDestroyed)).toBe(false);
    sockets[0]?.emit('connect');
    expect(await outcome).toBe(sockets[0]);
    expect(sockets.map(({ isDestroyed }) => isDestroyed)).toEqual([false, true, true]);
    expect(told).toEqual([
      [
        { address: A, outcome: 'connected', ms: 9_500 },
        { address: B, outcome: 'overtaken', ms: 9_250 },
        { address: C, outcome: 'overtaken', ms: 9_000 },
      ],
    ]);
    expect(phases).toEqual([
      ['dns', 0],
      ['tcp', 9_500],
    ]);
  });

  it('begin at once when the previous one has failed, and the next after 250 ms', async () => {
    const { outcome, told } = dialling([A, B, C]);
    await settled();
    clock.advance(10);
    sockets[0]?.fails('ECONNREFUSED');
    expect(dialled()).toEqual([A, B]);
    clock.advance(249);
    expect(dialled()).toEqual([A, B]);
    clock.advance(1);
    expect(dialled()).toEqual([A, B, C]);
    sockets[2]?.emit('connect');
    expect(await outcome).toBe(sockets[2]);
    expect(told[0]?.map(({ outcome, errno }) => [outcome, errno])).toEqual([
      ['connection-refused', 'ECONNREFUSED'],
      ['overtaken', undefined],
      ['connected', undefined],
    ]);
  });

  it('alternate between the address families, beginning with that of the first address', async () => {
    for (const [addresses, order] of [
      [
        [A6, B6, A, B, C],
        [A6, A, B6, B, C],
      ],
      [
        [A, B, A6],
        [A, A6, B],
      ],
    ] as const) {
      sockets = [];
      const { outcome } = dialling(addresses);
      await settled();
      clock.advance(2_000);
      expect(dialled()).toEqual(order);
      sockets.at(-1)?.emit('connect');
      await outcome;
    }
  });

  it('are made once for each address, and only in the requested family', async () => {
    for (const [family, order] of [
      [0, [A6, A]],
      [4, [A]],
      [6, [A6]],
    ] as const) {
      sockets = [];
      const { outcome } = dialling([A6, A, A6, A, 'no address'], { family });
      await settled();
      clock.advance(2_000);
      expect(dialled()).toEqual(order);
      sockets.at(-1)?.emit('connect');
      await outcome;
    }
  });

  it('end when the signal aborts, and no socket remains', async () => {
    const stop = new AbortController();
    const { outcome, told } = dialling([A, B], { signal: stop.signal });
    await settled();
    clock.advance(300);
    stop.abort('enough');
    expect(await outcome).toMatchObject({ code: 'OVERLAY_ABORTED', stage: 'tcp', cause: 'enough' });
    expect(sockets.every(({ isDestroyed }) => isDestroyed)).toBe(true);
    expect(told[0]?.map(({ outcome }) => outcome)).toEqual(['aborted', 'aborted']);
    for (const socket of sockets) socket.fails('ECONNRESET');
  });

  it('leave no socket when a function of the caller throws', async () => {
    const mine = new Error('mine');
    const { outcome } = dialling([A], {
      onDialled: () => {
        throw mine;
      },
    });
    await settled();
    sockets[0]?.emit('connect');
    expect(await outcome).toBe(mine);
    expect(sockets[0]?.isDestroyed).toBe(true);
  });
});

describe('a name look-up', () => {
  /** A resolver that answers on the test's command. */
  function resolver() {
    const answers = new Map<number, { resolve: (addresses: readonly string[]) => void; reject: (error: unknown) => void }>();
    let signal: AbortSignal | undefined;
    const lookup: Lookup = (_host, family, given) => {
      signal = given;
      return new Promise((resolve, reject) => answers.set(family, { resolve, reject }));
    };
    return { lookup, answers, asked: () => [...answers.keys()], isGivenUp: () => signal?.aborted };
  }

  it('asks for both families at once, and only once if it is answered in 250 ms', async () => {
    const { lookup, answers, asked, isGivenUp } = resolver();
    const { outcome, phases } = dialling([], { lookup });
    clock.advance(249);
    answers.get(0)?.resolve([A6, A]);
    await settled();
    expect([dialled(), asked(), isGivenUp()]).toEqual([[A6], [0], true]);
    sockets[0]?.emit('connect');
    await outcome;
    expect(phases[0]).toEqual(['dns', 249]);
  });

  it.each<[name: string, steps: (of: ReturnType<typeof resolver>) => Promise<void>, order: string[]]>([
    [
      'only IPv4 is answered, and is dialled after a wait of 50 ms for IPv6',
      async ({ answers }) => {
        answers.get(4)?.resolve([A]);
        await settled();
        clock.advance(49);
        expect(dialled()).toEqual([]);
        clock.advance(1);
      },
      [A],
    ],
    ['IPv6 is answered first, and is dialled at once', async ({ answers }) => answers.get(6)?.resolve([A6]), [A6]],
    [
      'there is no IPv6 address, and IPv4 is dialled at once',
      async ({ answers }) => {
        answers.get(6)?.reject(new Error('ENOTFOUND'));
        await settled();
        answers.get(4)?.resolve([A]);
      },
      [A],
    ],
    [
      'IPv6 is answered during the wait, and is dialled first',
      async ({ answers }) => {
        answers.get(4)?.resolve([A, B]);
        await settled();
        clock.advance(20);
        answers.get(6)?.resolve([A6]);
        await settled();
        clock.advance(250);
      },
      [A6, A],
    ],
    [
      'IPv6 is answered while IPv4 is dialled, and is dialled next',
      async ({ answers }) => {
        answers.get(4)?.resolve([A, B]);
        await settled();
        clock.advance(60);
        answers.get(6)?.resolve([A6]);
        await settled();
        clock.advance(490);
      },
      [A, A6, B],
    ],
  ])('asks for each family alone after 250 ms: %s', async (_name, steps, order) => {
    const of = resolver();
    const { outcome } = dialling([], { lookup: of.lookup });
    clock.advance(250);
    expect(of.asked()).toEqual([0, 6, 4]);
    await steps(of);
    await settled();
    expect(dialled()).toEqual(order);
    sockets.at(-1)?.emit('connect');
    await outcome;
    expect(of.isGivenUp()).toBe(true);
  });

  it('is reported as a look-up timeout, not as a firewall, when it is not answered', async () => {
    const { lookup, isGivenUp } = resolver();
    const { outcome, told, phases } = dialling([], { lookup, timeoutMs: 3_000 });
    clock.advance(3_000);
    const error = (await outcome) as OverlayError;
    expect(error).toMatchObject({ code: 'OVERLAY_NAME_LOOKUP_TIMEOUT', stage: 'dns', causeName: 'name-lookup-timeout' });
    expect(error.message).toBe('The host name a.example was not resolved within 3.0 s: no resolver answered.');
    expect(error.advice).toContain('resolv.conf');
    expect([isGivenUp(), told, phases]).toEqual([true, [], []]);
  });

  it('ends when the signal aborts, and a late answer is ignored', async () => {
    const { lookup, answers, isGivenUp } = resolver();
    const stop = new AbortController();
    const { outcome } = dialling([], { lookup, signal: stop.signal });
    stop.abort();
    expect(await outcome).toMatchObject({ code: 'OVERLAY_ABORTED', stage: 'dns' });
    answers.get(0)?.resolve([A]);
    await settled();
    expect([dialled(), isGivenUp()]).toEqual([[], true]);
  });

  it.each<[code: string, afterMs: number, expected: string, cause: string]>([
    ['ENOTFOUND', 0, 'OVERLAY_NAME_NOT_FOUND', 'name-not-found'],
    ['EAI_AGAIN', 5, 'OVERLAY_NAME_LOOKUP_FAILED', 'name-lookup-failed'],
    // The resolver gives up before we do: it got no answer.
    ['EAI_AGAIN', 5_000, 'OVERLAY_NAME_LOOKUP_TIMEOUT', 'name-lookup-timeout'],
    ['EMFILE', 0, 'OVERLAY_TOO_MANY_OPEN_FILES', 'too-many-open-files'],
  ])('fails with %s after %i ms: the error is %s', async (code, afterMs, expected, causeName) => {
    const { lookup, answers } = resolver();
    const { outcome } = dialling([], { lookup });
    clock.advance(afterMs);
    answers.get(0)?.reject(Object.assign(new Error(code), { code }));
    expect(await outcome).toMatchObject({ code: expected, stage: 'dns', causeName, cause: { code } });
  });

  it.each([
    [0, 'has no address'],
    [4, 'has no IPv4 address'],
    [6, 'has no IPv6 address'],
  ] as const)('is reported as without an address when it finds none of family %i', async (family, text) => {
    const { outcome } = dialling([], { family });
    const error = (await outcome) as OverlayError;
    expect([error.code, error.message]).toEqual(['OVERLAY_NAME_NOT_FOUND', `The host name a.example ${text}.`]);
  });
});

describe('an address given as host', () => {
  it('is not dialled when it is of the other family', async () => {
    for (const [host, family] of [
      [A, 6],
      [A6, 4],
    ] as const) {
      const error = (await dialling([], { host, family, lookup: undefined }).outcome) as OverlayError;
      expect([error.code, error.message]).toEqual(['OVERLAY_NAME_NOT_FOUND', `${host} is not an IPv${family} address.`]);
    }
    expect(sockets).toEqual([]);
  });
});

describe('the error when no address connects', () => {
  /** Lets every address fail with its code; one without is not answered. */
  async function failing(...codes: readonly (string | undefined)[]): Promise<OverlayError> {
    const addresses = [A, A6, B].slice(0, codes.length);
    const { outcome } = dialling(addresses, { timeoutMs: 2_000 });
    await settled();
    for (const code of codes) {
      const socket = sockets.at(-1);
      if (code === undefined) clock.advance(250);
      else socket?.fails(code);
    }
    clock.advance(2_000);
    return (await outcome) as OverlayError;
  }

  it.each<[codes: (string | undefined)[], code: string, text: string]>([
    [['ECONNREFUSED'], 'OVERLAY_CONNECTION_REFUSED', 'a.example:11625 refused the connection: nothing listens there.'],
    [['ECONNREFUSED', 'ECONNREFUSED'], 'OVERLAY_CONNECTION_REFUSED', 'nothing listens there'],
    [[undefined], 'OVERLAY_CONNECT_TIMEOUT', 'a.example:11625 did not answer within 2.0 s.'],
    [['ETIMEDOUT'], 'OVERLAY_CONNECT_TIMEOUT', 'did not answer'],
    [['ECONNRESET'], 'OVERLAY_CONNECTION_RESET', 'a.example:11625 reset the connection.'],
    [['EHOSTUNREACH'], 'OVERLAY_UNREACHABLE', 'firewalld’s default REJECT'],
    [['EACCES'], 'OVERLAY_UNREACHABLE', 'a firewall on the way rejects it by ICMPv6'],
    [
      ['ENETUNREACH'],
      'OVERLAY_UNREACHABLE',
      'a.example:11625 cannot be reached: this machine has no route there, or a router or firewall on the way',
    ],
    [['EPERM'], 'OVERLAY_UNREACHABLE', 'a firewall of this machine forbids it'],
    [['EODD'], 'OVERLAY_UNREACHABLE', 'a.example:11625 cannot be reached: EODD.'],
    // The outcome that says most about the node decides.
    [[undefined, 'ECONNREFUSED'], 'OVERLAY_CONNECT_TIMEOUT', `${A} did not answer within 2.0 s; ${A6} refused the connection`],
    [['ECONNREFUSED', undefined], 'OVERLAY_CONNECT_TIMEOUT', `${A} refused the connection; ${A6} did not answer within`],
    [['ECONNREFUSED', 'EHOSTUNREACH'], 'OVERLAY_UNREACHABLE', `${A6} cannot be reached: a firewall rejects it`],
    [['ECONNREFUSED', 'ENETUNREACH'], 'OVERLAY_CONNECTION_REFUSED', `${A6} cannot be reached: this machine has no route`],
    [['ECONNRESET', 'ECONNREFUSED'], 'OVERLAY_CONNECTION_RESET', 'a.example:11625 has no address that accepts a connection: '],
  ])('for %j is %s', async (codes, code, text) => {
    const error = await failing(...codes);
    expect(error).toMatchObject({ code, stage: 'tcp', told: null, remote: undefined });
    expect(error.message).toContain(text);
    expect(error.attempts?.map(({ errno }) => errno)).toEqual(codes);
  });

  it('contains every error of the system', async () => {
    const error = await failing('ECONNREFUSED', 'EHOSTUNREACH');
    expect((error.cause as AggregateError).errors.map(({ code }) => code)).toEqual(['ECONNREFUSED', 'EHOSTUNREACH']);
    expect((await failing('ECONNREFUSED')).cause).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('without a free file descriptor', () => {
  it('an address is tried again until a file descriptor is free', async () => {
    const { outcome, told } = dialling([A, B]);
    await settled();
    sockets[0]?.fails('EMFILE');
    clock.advance(99);
    expect(dialled()).toEqual([A]);
    clock.advance(1);
    expect(dialled()).toEqual([A, A]);
    sockets[1]?.emit('connect');
    expect(await outcome).toBe(sockets[1]);
    expect(told).toEqual([[{ address: A, outcome: 'connected', ms: 0 }]]);
  });

  it.each([
    ['EMFILE', 'this process has reached its limit of open files'],
    ['ENFILE', 'this machine has reached its limit of open files'],
  ])('at the deadline (%s), the error is OVERLAY_TOO_MANY_OPEN_FILES, not unreachable', async (code, text) => {
    const { outcome } = dialling([A], { timeoutMs: 500 });
    await settled();
    for (let i = 0; i < 5; i++) {
      sockets.at(-1)?.fails(code);
      clock.advance(100);
    }
    const error = (await outcome) as OverlayError;
    expect(error).toMatchObject({ code: 'OVERLAY_TOO_MANY_OPEN_FILES', stage: 'tcp', causeName: 'too-many-open-files' });
    expect(error.message).toContain(text);
  });
});

describe('connect()', () => {
  it('reports the outcome of each address before it fails', async () => {
    const told: unknown[] = [];
    const connecting = connect({
      ...{ host: 'a.example', network: networks.standalone, clock, lookup: async () => [A, A6] },
      onDialled: (attempts) => told.push(attempts),
    });
    const outcome = connecting.catch((error: unknown) => error);
    await settled();
    sockets[0]?.fails('ECONNREFUSED');
    sockets[1]?.fails('EHOSTUNREACH');
    const error = (await outcome) as OverlayError;
    expect(error).toBeInstanceOf(OverlayError);
    expect(told).toEqual([error.attempts]);
    expect(error.attempts).toEqual([
      { address: A, outcome: 'connection-refused', errno: 'ECONNREFUSED', ms: 0 },
      { address: A6, outcome: 'unreachable', errno: 'EHOSTUNREACH', ms: 0 },
    ]);
  });
});
