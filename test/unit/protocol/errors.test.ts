import { describe, expect, it } from 'vitest';
import { utf8Encode } from '../../../src/protocol/bytes.ts';
import { ERROR_TABLE, type OverlayErrorCode, PEER_ERROR_TABLE } from '../../../src/protocol/error-table.ts';
import { OverlayError } from '../../../src/protocol/errors.ts';
import { ProtocolViolation } from '../../../src/protocol/violation.ts';

const CODES = Object.keys(ERROR_TABLE) as OverlayErrorCode[];

describe('OverlayError', () => {
  it.each(CODES)('%s has the texts of the table', (code) => {
    const error = new OverlayError(code, { stage: 'channel' });
    const { summary, cause, advice, told, dropReason } = ERROR_TABLE[code];
    expect([error.name, error.message, error.causeName, error.advice]).toEqual(['OverlayError', summary, cause, advice]);
    expect(error.told).toEqual(told ? { code: told[0], message: told[1] } : null);
    expect(error.dropReason).toBe(dropReason);
    expect(error).toBeInstanceOf(Error);
    expect('cause' in error).toBe(false);
  });

  it('has in JSON the fields that programs need, and no peerError if there is none', () => {
    const error = new OverlayError('OVERLAY_UNEXPECTED_MAC', { stage: 'auth', message: 'Mine.', cause: new Error('hidden') });
    const { cause, advice } = ERROR_TABLE.OVERLAY_UNEXPECTED_MAC;
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'OVERLAY_UNEXPECTED_MAC',
      stage: 'auth',
      cause,
      message: 'Mine.',
      advice,
    });
  });

  it.each(PEER_ERROR_TABLE)('has the cause of the peer’s ERROR_MSG: $text', ({ text, cause, advice }) => {
    const peerError = { code: 'ERR_MISC', message: `${text} and more` } as const;
    const error = new OverlayError('OVERLAY_PEER_ERROR', { stage: 'channel', peerError });
    expect([error.causeName, error.advice]).toEqual([cause, advice]);
    expect(error.toJSON()).toMatchObject({ cause, peerError });
  });

  it('keeps its own cause for an unknown ERROR_MSG text', () => {
    const peerError = { code: 'UNKNOWN', message: 'something new' } as const;
    expect(new OverlayError('OVERLAY_PEER_ERROR', { stage: 'hello', peerError }).causeName).toBe('peer-error');
  });

  it('has another cause in another stage', () => {
    const at = (stage: 'hello' | 'auth' | 'channel') => new OverlayError('OVERLAY_CONNECTION_CLOSED', { stage });
    expect([at('hello').causeName, at('auth').causeName, at('channel').causeName]).toEqual([
      'closed-before-hello',
      'closed-before-auth',
      'closed-by-peer',
    ]);
    expect(at('hello').advice).not.toBe(at('channel').advice);
  });

  it('limits the texts of the table for the peer to 90 bytes', () => {
    for (const code of CODES) expect(utf8Encode(ERROR_TABLE[code].told?.[1] ?? '').length).toBeLessThanOrEqual(90);
  });
});

it('a ProtocolViolation has the texts of the table, or its own', () => {
  expect(new ProtocolViolation('OVERLAY_SEND_MORE').message).toBe(ERROR_TABLE.OVERLAY_SEND_MORE.summary);
  const known = new ProtocolViolation('OVERLAY_SEND_MORE', 'More.', { dropReason: 'x' });
  expect([known.name, known.message, known.details]).toEqual(['ProtocolViolation', 'More.', { dropReason: 'x' }]);
});
