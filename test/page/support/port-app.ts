/**
 * The program that the browser runs with examples/message-port.ts. The page dials, and a worker from this same file accepts.
 * `network` of the page may differ from the worker's, which is standalone.
 */
import { openOverPort, type Port } from '../../../examples/message-port.ts';
import { type NetworkName, networks } from '../../../src/protocol/networks.ts';

interface Result {
  readonly peerID?: string;
  readonly heard?: string;
  readonly code?: string;
}

/** Does a handshake with a worker, and asks it for its SCP state. */
async function dial(workerUrl: string, network: NetworkName): Promise<Result> {
  const worker = new Worker(workerUrl, { type: 'module' });
  const { port1, port2 } = new MessageChannel();
  const heard = new Promise<string>((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
  });
  worker.postMessage(port2, [port2]);
  const connection = openOverPort(port1 as unknown as Port, 'WE_CALLED_REMOTE', networks[network], () => {});
  try {
    const { peerID } = await connection.authenticated;
    connection.send({ type: 'GET_SCP_STATE', ledgerSeq: 0 });
    return { peerID, heard: await heard };
  } catch (error) {
    return { code: (error as { code: string }).code };
  } finally {
    connection.close();
    worker.terminate();
  }
}

if ('document' in globalThis) Object.assign(globalThis, { dial });
else
  addEventListener('message', ({ data: port }: MessageEvent<Port>) => {
    openOverPort(port, 'REMOTE_CALLED_US', networks.standalone, ({ type }) => postMessage(type));
  });
