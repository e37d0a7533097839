/** Lines of proofs: files may have any length, lines may not. */
import { describe, expect, it } from 'vitest';
import { joined, split } from '../../../src/cli/proof-lines.ts';

async function* of(...texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

describe('lines of a file of proofs', () => {
  it('are the same for any chunks of text', async () => {
    const text = '{"a":1}\r\n\n{"b":2}\nlast';
    const lines = ['{"a":1}', '', '{"b":2}', 'last'];
    for (let at = 0; at <= text.length; at++) expect(await all(split(of(text.slice(0, at), text.slice(at)), 10))).toEqual(lines);
    expect(await all(split(of(...text), 10))).toEqual(lines);
    expect(await all(split(of(), 10))).toEqual([]);
  });

  it('are refused as too long before they are complete', async () => {
    let taken = 0;
    async function* endless(): AsyncGenerator<string> {
      yield 'short\n';
      for (;;) {
        taken++;
        yield 'aaaa';
      }
    }
    await expect(all(split(endless(), 10))).rejects.toThrow('line 2 is longer than any proof, 10 characters');
    expect(taken).toBe(3);
  });

  it('are joined to one line when they are one JSON value', async () => {
    expect(await all(joined(of('{', '"a":1', '}'), 20))).toEqual(['{\n"a":1\n}']);
    expect(await all(joined(of('{"a":1}', '{', '}'), 20))).toEqual(['{"a":1}', '{', '}']);
    expect(await all(joined(of('{', 'no', '}'), 20))).toEqual(['{', 'no', '}']);
  });

  it('are not kept any longer when they cannot be one JSON value', async () => {
    let taken = 0;
    async function* many(): AsyncGenerator<string> {
      for (; taken < 1_000; taken++) yield '{"a":';
    }
    const lines = joined(many(), 30);
    expect(await lines.next()).toEqual({ value: '{"a":', done: false });
    expect(taken).toBe(5);
    expect(await all(lines)).toHaveLength(999);
  });
});
