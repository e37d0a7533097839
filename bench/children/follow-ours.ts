/**
 * Follows ledgers, or only receives the same messages. Arguments: mode, first ledger, messages or ledgers a round, quorum
 * set as JSON, ports.
 */

import { follow } from '../../src/follow/index.ts';
import type { Connection } from '../../src/index.ts';
import { type ConnectOptions, connect, networks } from '../../src/index.ts';
import { endWithBench, Meter, serve } from '../support/child.ts';
import { readMemory } from '../support/memory-reading.ts';

const [mode = '', from = '', count = '', quorumSet = '', ...ports] = process.argv.slice(2);
const NO_LIMIT = { messages: 0xffffffff, bytes: 0xffffffff };
const options = {
  network: networks.standalone,
  quorumSet: JSON.parse(quorumSet),
  from: Number(from),
  peers: ports.map((port) => `127.0.0.1:${port}`),
  connections: Math.min(64, ports.length),
  peerTimeoutMs: 600_000,
};

/** A connection that counts each message taken from it in the meter. */
function metered(connection: Connection, meter: Meter): Connection {
  const inner = connection[Symbol.asyncIterator]();
  const iterator = {
    [Symbol.asyncIterator]: () => iterator,
    next: () => {
      meter.tick();
      return inner.next();
    },
    return: () => inner.return?.(),
  };
  return {
    remote: connection.remote,
    ended: connection.ended,
    send: (message: Parameters<Connection['send']>[0]) => connection.send(message),
    close: () => connection.close(),
    [Symbol.asyncIterator]: () => iterator,
  } as unknown as Connection;
}

if (mode === 'seen' || mode === 'receive') {
  endWithBench();
  const meter = new Meter(Number(count));
  const dial = async (given: ConnectOptions): Promise<Connection> =>
    metered(await connect({ ...given, floodCapacity: NO_LIMIT, scpStateLedgerSeq: null }), meter);
  if (mode === 'receive') {
    const connection = await dial({
      network: options.network,
      host: '127.0.0.1',
      port: Number(ports[0]),
      peerTimeoutMs: 600_000,
    });
    for await (const _message of connection);
  } else for await (const _ledger of follow({ ...options, connect: dial }));
} else {
  const follower = follow(options);
  const stream = follower[Symbol.asyncIterator]();
  let mark = process.cpuUsage();
  serve<{ readonly ledgers: number; readonly memory?: boolean }>(async ({ ledgers, memory }) => {
    for (let i = 0; i < ledgers; i++) {
      await stream.next();
      // From the first ledger on, so without the handshakes.
      if (i === 0) mark = process.cpuUsage();
    }
    const { user, system } = process.cpuUsage(mark);
    const reading = memory === true ? await readMemory() : undefined;
    return { micros: (user + system) / Math.max(1, ledgers - 1), signatureChecks: follower.signatureChecks, ...reading };
  });
}
