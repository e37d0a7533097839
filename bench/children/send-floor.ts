/** Sends with the least possible code: encoded messages, one write for 64. Arguments: port, case, messages a round. */
import { cpuSince, serve, tell } from '../support/child.ts';
import { fastestMac, sealRecord } from '../support/floor.ts';
import { type MessageCase, makeMessage } from '../support/messages.ts';
import { dial, encode, freshPeerAuth, shakeHands } from '../support/raw-peer.ts';

const [port, name, count] = process.argv.slice(2) as [string, MessageCase, string];
const messages = Array.from({ length: Number(count) }, (_, i) => encode(makeMessage(name, i)));
const size = (messages[0] as Uint8Array).length;
const { socket, sendingKey } = await shakeHands(await dial(Number(port)), 'WE_CALLED_REMOTE', freshPeerAuth());
socket.resume();
const mac = fastestMac(sendingKey, 8 + size);
let sequence = 2;
serve(async () => {
  const mark = process.cpuUsage();
  for (let i = 0; i < messages.length; i += 64) {
    const batch = messages.slice(i, i + 64);
    const out = new Uint8Array(batch.length * (48 + size));
    let at = 0;
    for (const message of batch) {
      out.set(message, at + 16);
      sealRecord(mac, out, at, at + 48 + size, sequence++);
      at += 48 + size;
    }
    if (!socket.write(out)) await new Promise((resolve) => socket.once('drain', resolve));
    else await new Promise((resolve) => setImmediate(resolve));
  }
  return { micros: cpuSince(mark) / messages.length };
});
tell({});
