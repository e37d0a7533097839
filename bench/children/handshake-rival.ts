/** Does handshakes with the rival. Arguments: dials or accepts, variant, port to dial. */
import { cpuSince, serve, tell } from '../support/child.ts';
import type { ConnectorConnection, ConnectorNode } from '../support/connector.ts';
import { dialMany, type Side, type Variant } from '../support/handshakes.ts';
import { rivalNode, rivalSeed } from '../support/rival.ts';

const [side, variant, port] = process.argv.slice(2) as [Side, Variant, string];
const seed = rivalSeed();
let node = rivalNode(seed);
/** The rival has no option for an ECDH key for each connection, but a new node object with the same seed makes a new one. */
const nextNode = (): ConnectorNode => (variant === 'own ECDH key each' ? rivalNode(seed) : node);

function closed(connection: ConnectorConnection): Promise<void> {
  connection.on('error', (error: Error) => {
    throw error;
  });
  connection.resume();
  return new Promise((resolve) => connection.once('close', () => resolve()));
}

/** Closes when the handshake is done and its output is sent. */
function hungUp(connection: ConnectorConnection): Promise<void> {
  connection.once('connect', () => setImmediate(() => connection.destroy()));
  return closed(connection);
}

if (side === 'dials') {
  const over = variant === 'late peer' ? hungUp : closed;
  serve(({ count }: { count: number }) => dialMany(count, () => over(nextNode().connectTo('127.0.0.1', Number(port)))));
  tell({ port: 0 });
} else {
  let onClosed = (): void => {};
  const accept = (from: ConnectorNode): void => {
    from.on('connection', (connection: ConnectorConnection) => {
      if (variant === 'own ECDH key each') {
        // The same server, another node object for the next connection.
        node = nextNode();
        Object.assign(from, { connectionAuthentication: Reflect.get(node, 'connectionAuthentication') });
      }
      void closed(connection).then(() => onClosed());
    });
    from.acceptIncomingConnections(0, '127.0.0.1');
  };
  accept(node);
  const { server } = node;
  await new Promise<void>((resolve) => server.once('listening', resolve));
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
  tell({ port: (server.address() as { port: number }).port });
}
