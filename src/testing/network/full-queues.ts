/**
 * Ports with a full accept queue: they do not answer connection attempts. It uses a thread that listens and is then blocked,
 * and connections that are never accepted.
 * @module
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

/** Number of connections that fill a queue of length one: the kernel accepts one more than its limit. */
const FILLERS = 3;
/** Time for the kernel to accept the fillers, in milliseconds. */
const FILL_MS = 300;

const LISTENER = `
const { createServer } = require('node:net');
const { parentPort, workerData } = require('node:worker_threads');
let left = workerData.addresses.length;
for (const { host, port } of workerData.addresses)
  createServer().listen({ host, port, backlog: 1 }, () => {
    if (--left > 0) return;
    parentPort.postMessage('listening');
    setImmediate(() => Atomics.wait(new Int32Array(workerData.gate), 0, 0));
  });
`;

/** Listens on the addresses and fills their queues. @returns a function that ends it */
export async function fullQueues(
  addresses: readonly { readonly host: string; readonly port: number }[],
): Promise<() => Promise<unknown>> {
  const gate = new SharedArrayBuffer(4);
  const worker = new Worker(LISTENER, { eval: true, workerData: { addresses, gate } });
  worker.unref();
  await once(worker, 'message');
  const fillers = addresses.flatMap((address) => Array.from({ length: FILLERS }, () => fill(address)));
  await new Promise((resolve) => setTimeout(resolve, FILL_MS));
  return async () => {
    for (const socket of fillers) socket.destroy();
    Atomics.store(new Int32Array(gate), 0, 1);
    Atomics.notify(new Int32Array(gate), 0);
    await worker.terminate();
  };
}

function fill({ host, port }: { readonly host: string; readonly port: number }): Socket {
  const socket = connect({ host, port });
  socket.on('error', () => {});
  socket.unref();
  return socket;
}
