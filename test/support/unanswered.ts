/** A port of this machine that answers no SYN, like one behind a firewall: its queue of connections is full. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';

/** Linux drops a SYN when the queue is full, other systems may refuse it. */
export const CAN_LEAVE_UNANSWERED: boolean = process.platform === 'linux';

/** Number of connections in the queue after `listen` with a backlog of 1. */
const FILL = 2;
const LISTENS = `const s = require('node:net').createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(s.address().port))`;

/** A port to dial in vain. */
export interface UnansweredPort extends AsyncDisposable {
  readonly port: number;
}

/** Starts a process that listens, stops it, and fills its queue. */
export async function unansweredPort(): Promise<UnansweredPort> {
  const child = spawn(process.execPath, ['-e', LISTENS], { stdio: ['ignore', 'pipe', 'inherit'] });
  const sockets: Socket[] = [];
  const exited = once(child, 'exit');
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    child.kill('SIGSTOP');
    // Until the kernel has stopped it, it could still accept a connection.
    while (!/\) [Tt] /.test(await readFile(`/proc/${child.pid}/stat`, 'utf8'))) await setImmediate();
    for (let i = 0; i < FILL; i++) {
      const socket = connect({ host: '127.0.0.1', port: Number(line) });
      sockets.push(socket);
      await once(socket, 'connect');
      socket.on('error', () => {});
    }
    return { port: Number(line), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }

  async function stop(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    child.kill('SIGKILL');
    await exited;
  }
}
