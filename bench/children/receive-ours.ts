/** Receives with this package. Arguments: port, messages a round. */
import { connect, networks } from '../../src/index.ts';
import { endWithBench, Meter } from '../support/child.ts';

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
const meter = new Meter(count);
endWithBench();
const connection = await connect({
  host: '127.0.0.1',
  port,
  network: networks.standalone,
  floodCapacity: { messages: 0xffffffff, bytes: 0xffffffff },
  scpStateLedgerSeq: null,
  peerTimeoutMs: 600_000,
});
for await (const _message of connection) meter.tick();
