/** Accepts connections and keeps them. On request, it answers with the memory in use. Argument: ours, rival or bare-socket. */
import { createServer, type Server, type Socket } from 'node:net';
import { type Connection, listen, networks } from '../../src/index.ts';
import { serve, tell } from '../support/child.ts';
import type { ConnectorConnection } from '../support/connector.ts';
import { readMemory } from '../support/memory-reading.ts';

const [subject] = process.argv.slice(2);
const kept = new Set<object>();
serve(async () => ({ ...(await readMemory()), count: kept.size }));

/** Reads a connection, as an application does. */
async function read(connection: Connection): Promise<void> {
  kept.add(connection);
  for await (const _message of connection);
  kept.delete(connection);
}

function keep(connection: ConnectorConnection | Socket): void {
  kept.add(connection);
  connection.on('error', () => {});
  connection.on('data', () => {});
  connection.once('close', () => kept.delete(connection));
}

async function listening(server: Server): Promise<{ port: number }> {
  if (!server.listening) await new Promise<void>((resolve) => server.once('listening', resolve));
  return { port: (server.address() as { port: number }).port };
}

if (subject === 'ours') {
  const listener = await listen({
    port: 0,
    network: networks.standalone,
    maxAuthenticatedConnections: 0xffff,
    maxPendingConnections: 0xffff,
  });
  tell({ port: listener.port });
  for await (const connection of listener) read(connection).catch(() => {});
} else if (subject === 'rival') {
  const { rivalNode } = await import('../support/rival.ts');
  const node = rivalNode();
  node.on('connection', keep);
  node.acceptIncomingConnections(0, '127.0.0.1');
  tell(await listening(node.server));
} else {
  const server = createServer({ noDelay: true }, keep);
  server.listen(0, '127.0.0.1');
  tell(await listening(server));
}
