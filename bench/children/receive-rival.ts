/** Receives with the rival. Arguments: port, messages a round. */
import { endWithBench, Meter } from '../support/child.ts';
import type { ConnectorWork } from '../support/connector.ts';
import { rivalNode } from '../support/rival.ts';

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
const meter = new Meter(count);
endWithBench();
const connection = rivalNode().connectTo('127.0.0.1', port);
connection.on('error', (error: Error) => {
  throw error;
});
connection.on('data', ({ done }: ConnectorWork) => {
  done();
  meter.tick();
});
