/** Clients that do not speak the protocol, each over a real socket, and the report to the operator. */

import { once } from 'node:events';
import { connect as dial } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type ListenerEvent, listen, networks } from '../../../src/index.ts';
import type { OverlayError } from '../../../src/protocol/errors.ts';
import { ManualClock } from '../../../src/testing/clock.ts';
import { RawPeer } from '../../support/raw-peer.ts';

const network = networks.standalone;

/** The report of a listener about a client that does this. */
async function refusalOf(
  stranger: (port: number, clock: ManualClock, taken: Promise<void>) => Promise<unknown>,
): Promise<OverlayError> {
  const clock = new ManualClock();
  const refused = withResolver<OverlayError>();
  const taken = withResolver<void>();
  await using listener = await listen({
    ...{ port: 0, network, clock },
    onEvent: (event: ListenerEvent) => {
      if (event.event === 'connected') taken.resolve();
      if (event.event === 'refused') refused.resolve(event.error);
    },
  });
  await stranger(listener.port, clock, taken.promise);
  return await refused.promise;
}

function withResolver<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((take) => {
    resolve = take;
  });
  return { promise, resolve };
}

const says = (bytes: string | Buffer) => async (port: number) => {
  const socket = dial(port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  socket.end(bytes);
};

/** Words of advice for a dialling side. */
const DIALLER =
  /dial |your? .*PEER_PORT|the port you|connect again|What answers|raise the timeout|port is open|passphrase differs/i;

describe('the report of a listener', () => {
  it.each([
    ['a web scanner', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'It sent HTTP: “GET / HTTP/1.1”.', 'not-stellar'],
    ['a TLS client', Buffer.from('16030102000100', 'hex'), 'It sent TLS: the bytes 16 03 01 02 00 01 00.', 'not-stellar'],
    ['an SSH client', 'SSH-2.0-OpenSSH_9.2\r\n', 'It sent SSH: “SSH-2.0-OpenSSH_9.2”.', 'not-stellar'],
    [
      'a load balancer',
      'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n',
      'It sent the PROXY protocol: “PROXY TCP4 192.0.2.1 192.0.2.2 1 2”.',
      'not-stellar',
    ],
    [
      'a load balancer in binary',
      Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex'),
      'It sent the PROXY protocol: the bytes 0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a ….',
      'not-stellar',
    ],
    ['zeros', Buffer.alloc(4), 'A record is at least', 'record-length'],
  ])('names the protocol of %s, and has no advice for a dialler', async (_, bytes, message, cause) => {
    const error = await refusalOf(says(bytes));
    expect(error.causeName).toBe(cause);
    if (cause === 'not-stellar') expect(error.message).toBe(message);
    expect(`${error.message} ${error.advice}`).not.toMatch(DIALLER);
    expect(error.advice).toMatch(/Nothing has to be done|PROXY/);
  });

  it('says of a health check that it connected, sent nothing and closed', async () => {
    const error = await refusalOf(says(''));
    expect(error).toMatchObject({
      code: 'OVERLAY_CONNECTION_CLOSED',
      stage: 'hello',
      message: 'It connected, sent nothing, and closed the connection.',
    });
    expect(error.advice).toContain('health checks, load balancers and port scanners');
    expect(error.advice).not.toMatch(DIALLER);
  });

  it('names the received bytes of a client that closes inside its HELLO', async () => {
    const error = await refusalOf(says(Buffer.from('8000012c0000', 'hex')));
    expect(error.message).toBe('It connected, sent the bytes 80 00 01 2c 00 00, no whole HELLO, and closed the connection.');
  });

  it('says of a silent client that it sent nothing', async () => {
    const error = await refusalOf(async (port, clock, taken) => {
      dial(port, '127.0.0.1').on('error', () => {});
      await taken;
      clock.advance(10_000);
    });
    expect(error).toMatchObject({ code: 'OVERLAY_IDLE_TIMEOUT', message: 'It connected, sent nothing within 10.0 s.' });
    expect(error.advice).not.toMatch(DIALLER);
  });

  it('says of a prober that it closed after our HELLO', async () => {
    const error = await refusalOf(async (port) => {
      const peer = await RawPeer.dial(port);
      peer.write(peer.hello());
      await peer.next();
      peer.socket.end();
    });
    expect(error).toMatchObject({
      stage: 'auth',
      message: 'It sent HELLO, got our answer, and closed the connection without AUTH.',
    });
    expect(error.advice).toContain('prober or crawler');
    expect(error.remote?.peerID).toMatch(/^G/);
  });

  it('recognises a node of another network', async () => {
    const error = await refusalOf(async (port) => {
      const { connect } = await import('../../../src/index.ts');
      await connect({ host: '127.0.0.1', port, network: networks.testnet }).catch(() => {});
    });
    expect(error.code).toBe('OVERLAY_CERT_INVALID');
    expect(error.advice).toContain('a node of another network has this address');
  });
});
