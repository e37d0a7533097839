import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { listen, networks } from '../../../src/index.ts';
import { probeTimed } from '../../../src/probe/first-message.ts';
import { mockNode } from '../../../src/testing/index.ts';

const network = networks.standalone;

describe('the time to the first message', () => {
  it('is among the timings of a node that accepts us', async () => {
    await using node = await listen({ network, port: 0 });
    const { ok, timings } = await probeTimed({ host: '127.0.0.1', port: node.port }, { network });
    expect(ok).toBe(true);
    expect(timings?.firstMessageMs).toBeGreaterThanOrEqual(0);
    expect(Object.keys(timings ?? {})).toEqual(
      expect.arrayContaining(['dnsMs', 'tcpMs', 'helloMs', 'authMs', 'totalMs', 'pingMs']),
    );
  });

  it('is measured on the second connection if the first one failed', async () => {
    await using node = await listen({ network, port: 0, overlayVersion: 50, overlayMinVersion: 45 });
    const { ok, timings, warnings } = await probeTimed({ host: '127.0.0.1', port: node.port }, { network });
    expect(ok).toBe(true);
    expect(warnings).toHaveLength(1);
    expect(timings?.firstMessageMs).toBeGreaterThanOrEqual(0);
  });

  it('is absent when no message follows AUTH', async () => {
    await using node = await mockNode({ network }, async (peer) => {
      await peer.expect('HELLO');
      peer.hello();
      await peer.expect('AUTH');
      peer.auth();
      await peer.expectEnd();
    });
    const { ok, timings } = await probeTimed({ host: node.host, port: node.port }, { network });
    expect(ok).toBe(true);
    expect(timings).not.toHaveProperty('firstMessageMs');
  });

  it('is absent when the probe fails', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const result = await probeTimed({ host: '127.0.0.1', port }, { network });
    server.close();
    expect(result).toMatchObject({ ok: false, error: { code: 'OVERLAY_NOT_STELLAR' } });
    expect(result.timings).not.toHaveProperty('firstMessageMs');
  });

  it('does not change the calls of onBytes', async () => {
    await using node = await listen({ network, port: 0 });
    const seen = new Set<string>();
    await probeTimed({ host: '127.0.0.1', port: node.port }, { network, onBytes: (direction) => seen.add(direction) });
    expect(seen).toEqual(new Set(['sent', 'received']));
  });
});
