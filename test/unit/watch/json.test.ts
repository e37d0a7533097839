import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { fromHex } from '../../../src/protocol/bytes.ts';
import { receivedMessage } from '../../../src/protocol/wire/authenticated-message.ts';
import { watchedMessageJson } from '../../../src/watch/json.ts';

/** A GET_SCP_STATE from ledger 27 in its record, so that its XDR is a view. */
const state = receivedMessage('GET_SCP_STATE', fromHex(`${'00'.repeat(12)}0000000c0000001b${'ff'.repeat(32)}`), nodeCrypto);
const unixMs = Date.UTC(2026, 10, 24, 7, 30, 5, 123);

describe('a watched message as JSON', () => {
  it('has time, type, size, XDR and XDR-JSON, and a signature only if it was checked', () => {
    expect(watchedMessageJson(state, { unixMs, xdrJson: { get_scp_state: 27 } })).toEqual({
      at: '2026-11-24T07:30:05.123Z',
      type: 'GET_SCP_STATE',
      size: 8,
      xdr: 'AAAADAAAABs=',
      message: { get_scp_state: 27 },
    });
  });

  it('has its keys in a fixed order', () => {
    const json = watchedMessageJson(state, { unixMs, xdrJson: null, signature: 'bad' });
    expect(Object.keys(json)).toEqual(['at', 'type', 'size', 'xdr', 'message', 'signature']);
    expect(json.signature).toBe('bad');
  });

  it('has the number of an unknown type, and null as message', () => {
    const unknown = { type: 'UNKNOWN', typeNumber: 0xffffffff, xdr: fromHex('ffffffff00000000') } as const;
    expect(watchedMessageJson(unknown, { unixMs, xdrJson: undefined })).toMatchObject({
      type: 'UNKNOWN',
      typeNumber: -1,
      size: 8,
      xdr: '/////wAAAAA=',
      message: null,
    });
  });
});
