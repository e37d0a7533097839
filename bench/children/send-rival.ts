/** Sends with the rival. Arguments: port, case, messages a round. */
import { cpuSince, serve, tell } from '../support/child.ts';
import type { ConnectorMessage } from '../support/connector.ts';
import { type MessageCase, makeMessage } from '../support/messages.ts';
import { encode } from '../support/raw-peer.ts';
import { rivalMessage, rivalNode } from '../support/rival.ts';

const [port, name, count] = process.argv.slice(2) as [string, MessageCase, string];
const messages = Array.from({ length: Number(count) }, (_, i) => rivalMessage(encode(makeMessage(name, i))));
const connection = rivalNode().connectTo('127.0.0.1', Number(port));
connection.on('error', (error: Error) => {
  throw error;
});
await new Promise<void>((resolve) => connection.once('ready', () => resolve()));
connection.resume();
serve(async () => {
  const mark = process.cpuUsage();
  for (let i = 0; i < messages.length; i += 64) {
    const batch = messages.slice(i, i + 64);
    const last = batch.pop() as ConnectorMessage;
    for (const message of batch) connection.sendStellarMessage(message);
    await new Promise<void>((resolve) => connection.sendStellarMessage(last, () => resolve()));
  }
  return { micros: cpuSince(mark) / messages.length };
});
tell({});
