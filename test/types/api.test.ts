/** What must not compile, and what the types say of what does. The compiler is the judge; see `npm run types`. */
import { describe, expectTypeOf, it } from 'vitest';
import type { Connection, ConnectOptions, ReceivedMessage, SendableMessage } from '../../src/index.ts';

const message = (value: SendableMessage): SendableMessage => value;
const options = (value: ConnectOptions): ConnectOptions => value;
declare const network: ConnectOptions['network'];

describe('the types', () => {
  it('refuse a wrong message', () => {
    message({ type: 'GET_SCP_STATE', ledgerSeq: 0 });
    // @ts-expect-error a field is missing
    message({ type: 'GET_SCP_STATE' });
    // @ts-expect-error a field of another message
    message({ type: 'GET_SCP_STATE', txSetHash: new Uint8Array(32) });
    // @ts-expect-error a field of another type
    message({ type: 'GET_SCP_STATE', ledgerSeq: '0' });
    // @ts-expect-error no such type
    message({ type: 'GET_SCP_STATES', ledgerSeq: 0 });
    // @ts-expect-error the connection sends these itself
    message({ type: 'AUTH', flags: 200 });
    // @ts-expect-error the connection grants by itself
    message({ type: 'SEND_MORE_EXTENDED', numMessages: 1, numBytes: 1 });
    // @ts-expect-error there is no ERROR_MSG to send
    message({ type: 'ERROR_MSG', code: 'ERR_MISC', msg: '' });
  });

  it('refuse a wrong option', () => {
    const check = (): void => {
      options({ host: '127.0.0.1', network });
      // @ts-expect-error a misspelt option
      options({ host: '127.0.0.1', network, handshakeTimeout: 1 });
      // @ts-expect-error the network is missing
      options({ host: '127.0.0.1' });
      // @ts-expect-error a passphrase is no network
      options({ host: '127.0.0.1', network: 'Standalone Network ; February 2017' });
      // @ts-expect-error no such value
      options({ host: '127.0.0.1', network, ecdh: 'per-process-or-so' });
    };
    expectTypeOf(check).toBeFunction();
  });

  it('narrow a received message by its type, and let it be sent on', () => {
    const look = (received: ReceivedMessage): void => {
      if (received.type === 'SCP_MESSAGE') expectTypeOf(received.envelope.statement.slotIndex).toEqualTypeOf<bigint>();
      if (received.type === 'UNKNOWN') expectTypeOf(received.typeNumber).toEqualTypeOf<number>();
      expectTypeOf(received.xdr).toEqualTypeOf<Uint8Array>();
      // @ts-expect-error HELLO and AUTH are never delivered
      if (received.type === 'HELLO') return;
    };
    expectTypeOf(look).toBeFunction();
    expectTypeOf<ReceivedMessage>().toExtend<SendableMessage>();
    expectTypeOf<Connection>().toExtend<AsyncIterable<ReceivedMessage>>();
  });
});
