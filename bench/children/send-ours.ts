/** Sends with this package. Arguments: port, case, messages a round. */
import { connect, networks, type SendableMessage } from '../../src/index.ts';
import { cpuSince, serve, tell } from '../support/child.ts';
import { type MessageCase, makeMessage } from '../support/messages.ts';

const [port, name, count] = process.argv.slice(2) as [string, MessageCase, string];
const messages = Array.from({ length: Number(count) }, (_, i) => makeMessage(name, i) as SendableMessage);
const connection = await connect({
  host: '127.0.0.1',
  port: Number(port),
  network: networks.standalone,
  scpStateLedgerSeq: null,
  peerTimeoutMs: 600_000,
});
while (connection.credit.messages === 0n) await new Promise((resolve) => setTimeout(resolve, 5));
serve(async () => {
  const mark = process.cpuUsage();
  // 64 at a time, the next 64 when the socket has taken them.
  for (let i = 0; i < messages.length; i += 64) {
    let sent: Promise<void> | undefined;
    for (const message of messages.slice(i, i + 64)) sent = connection.send(message);
    await sent;
  }
  return { micros: cpuSince(mark) / messages.length };
});
tell({});
