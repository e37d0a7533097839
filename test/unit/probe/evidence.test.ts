/** What is kept of a connection that fails. */
import { describe, expect, it } from 'vitest';
import { FirstBytes } from '../../../src/probe/evidence.ts';
import { fromHex } from '../../../src/protocol/bytes.ts';

/** A record with these last 64 bytes: where a HELLO has its nonce, and a MAC. */
function record(nonce: string): Uint8Array {
  const body = new Uint8Array(200);
  body.set(fromHex(nonce), body.length - 64);
  return Uint8Array.from([0x80, 0, 0, body.length, ...body]);
}

describe('the first bytes of a connection', () => {
  const connection = { id: '0011223344556677', role: 'WE_CALLED_REMOTE' } as const;

  it.each([
    ['its nonce', record('00112233445566778899'), true],
    ['another nonce', record('00112233445566768899'), false],
    ['a part of the record', record('00112233445566778899').subarray(0, -1), false],
    ['nothing', new Uint8Array(0), false],
  ])('are an echo of our HELLO when they have its nonce: %s', (_, bytes, isEcho) => {
    const first = new FirstBytes();
    first.onBytes('sent', record('00112233445566778899'), connection);
    first.onBytes('received', bytes.subarray(0, 10), connection);
    first.onBytes('received', bytes.subarray(10), connection);
    expect(first.seen.isEcho).toBe(isEcho);
    expect(first.seen.firstBytes).toEqual(bytes.slice(0, 64));
  });

  it('are those of the latest connection', () => {
    const first = new FirstBytes();
    first.onBytes('received', Uint8Array.of(1, 2, 3), { ...connection, id: 'ffffffffffffffff' });
    first.onBytes('sent', Uint8Array.of(9), connection);
    expect(first.seen.firstBytes).toEqual(new Uint8Array(0));
    first.onBytes('received', Uint8Array.of(4), connection);
    expect(first.seen.firstBytes).toEqual(Uint8Array.of(4));
  });
});
