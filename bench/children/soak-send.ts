/** Sends to one peer. For a requested count, it answers with the memory in use when all are sent. Argument: port. */
import { connect, networks, type SendableMessage } from '../../src/index.ts';
import { serve } from '../support/child.ts';
import { readMemory } from '../support/memory-reading.ts';
import { makeMessage } from '../support/messages.ts';

const [port] = process.argv.slice(2).map(Number) as [number];
const connection = await connect({ host: '127.0.0.1', port, network: networks.standalone });
(async () => {
  for await (const _message of connection);
})().catch(() => {});
const messages = Array.from({ length: 1000 }, (_, i) => makeMessage('scp-message-220', i) as SendableMessage);
serve(async ({ count }: { count: number }) => {
  for (let i = 0; i < count; i += 40) {
    let sent: Promise<void> | undefined;
    for (let j = i; j < Math.min(i + 40, count); j++) sent = connection.send(messages[j % 1000] as SendableMessage);
    await sent;
  }
  return readMemory();
});
