/** Receives with the least possible code. Arguments: port, messages a round, bytes of a message. */
import { endWithBench, Meter, tell } from '../support/child.ts';
import { FloorReceiver, fastestMac } from '../support/floor.ts';
import { dial, freshPeerAuth, shakeHands } from '../support/raw-peer.ts';

const [port, count, messageBytes] = process.argv.slice(2).map(Number) as [number, number, number];
const meter = new Meter(count);
endWithBench();
const { socket, receivingKey } = await shakeHands(await dial(port), 'WE_CALLED_REMOTE', freshPeerAuth());
const mac = fastestMac(receivingKey, 8 + messageBytes);
tell({ mac: mac.name });
const receiver = new FloorReceiver(mac, 2, () => meter.tick());
socket.on('data', (chunk: Buffer) => receiver.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)));
