/** Opens connections and keeps them, each as another node. Arguments: ours, rival or bare-socket; port. */
import { connect, networks } from '../../src/index.ts';
import { serve } from '../support/child.ts';
import { dial } from '../support/raw-peer.ts';

const AT_ONCE = 16;
const [subject, port] = process.argv.slice(2) as [string, string];
const kept: object[] = [];

async function open(): Promise<object> {
  if (subject === 'bare-socket') {
    const socket = await dial(Number(port));
    socket.on('error', () => {});
    return socket.resume();
  }
  const connection = await connect({
    host: '127.0.0.1',
    port: Number(port),
    network: networks.standalone,
    scpStateLedgerSeq: null,
    handshakeTimeoutMs: 60_000,
  });
  (async () => {
    for await (const _message of connection);
  })().catch(() => {});
  return connection;
}

serve(async ({ count }: { count: number }) => {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) kept.push(await open());
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return {};
  } catch (error) {
    return { failed: (error as Error).message };
  }
});
