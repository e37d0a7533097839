/**
 * Does handshakes with this package and a CryptoProvider. Arguments of the process: dials or accepts, variant, port to dial.
 * @module
 */
import { type CryptoProvider, connect, listen, NodeIdentity, type NodeOptions, networks } from '../../src/index.ts';
import { cpuSince, serve, tell } from './child.ts';
import { dialMany, type Side, type Variant } from './handshakes.ts';

/** Serves rounds until the process is stopped. @param crypto none: the default */
export async function shakeHandsOften(crypto?: CryptoProvider): Promise<void> {
  const [side, variant, port] = process.argv.slice(2) as [Side, Variant, string];
  const options: NodeOptions = {
    network: networks.standalone,
    identity: NodeIdentity.random(),
    crypto,
    scpStateLedgerSeq: null,
    ecdh: variant === 'own ECDH key each' ? 'per-connection' : 'per-process',
  };
  if (side === 'dials') {
    serve(({ count }: { count: number }) =>
      dialMany(count, async () => {
        const connection = await connect({ ...options, host: '127.0.0.1', port: Number(port) });
        if (variant === 'late peer') await connection.close();
        else await connection.ended;
      }),
    );
    tell({ port: 0 });
  } else {
    // A connection that ends before it is taken is never returned, so the ends are counted.
    let onClosed = (): void => {};
    const listener = await listen({
      ...options,
      port: 0,
      onEvent: ({ event }) => {
        if (event === 'closed') onClosed();
      },
    });
    void (async () => {
      for await (const _connection of listener);
    })();
    serve(async ({ count }: { count: number }) => {
      const mark = process.cpuUsage();
      let left = count;
      await new Promise<void>((resolve) => {
        onClosed = () => {
          if (--left === 0) resolve();
        };
      });
      return { micros: cpuSince(mark) / count };
    });
    tell({ port: listener.port });
  }
}
