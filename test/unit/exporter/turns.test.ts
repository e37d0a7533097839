import { describe, expect, it } from 'vitest';
import { Turns, unlessAborted } from '../../../src/exporter/turns.ts';

const never = new AbortController().signal;

describe('Turns', () => {
  it('are one after the other for one key, and at the same time for different keys', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const run = async (key: string, name: string): Promise<void> => {
      const end = await turns.take(key, never);
      order.push(`${name} begins`);
      await Promise.resolve();
      await Promise.resolve();
      order.push(`${name} ends`);
      end();
    };
    await Promise.all([run('a', 'first'), run('a', 'second'), run('a', 'third')]);
    expect(order).toEqual(['first begins', 'first ends', 'second begins', 'second ends', 'third begins', 'third ends']);
    const endA = await turns.take('a', never);
    const endB = await turns.take('b', never);
    expect(turns.size).toBe(2);
    endA();
    endB();
  });

  it('do not begin early when an earlier one was given up', async () => {
    const turns = new Turns();
    const endFirst = await turns.take('a', never);
    const impatient = new AbortController();
    const second = turns.take('a', impatient.signal);
    let hasThird = false;
    const third = turns.take('a', never).then((end) => {
      hasThird = true;
      return end;
    });
    impatient.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    await new Promise(setImmediate);
    expect(hasThird).toBe(false);
    endFirst();
    (await third)();
    await new Promise(setImmediate);
    expect(turns.size).toBe(0);
  });

  it('are not waited for when the signal has already aborted', async () => {
    await expect(unlessAborted(new Promise(() => {}), AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  });

  it('fail when the signal has aborted, and otherwise return the result', async () => {
    await expect(unlessAborted(7, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
    expect(await unlessAborted(Promise.resolve(7), never)).toBe(7);
  });
});
