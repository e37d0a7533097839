/** Both ends of `message-port.ts` in one program. Run it with `npx tsx examples/message-port-demo.ts`. */
import { networks } from '../src/protocol/index.ts';
import { openOverPort, type Port } from './message-port.ts';

const { port1, port2 } = new MessageChannel() as unknown as Record<'port1' | 'port2', Port>;
const network = networks.standalone;
let heard!: (type: string) => void;
const received = new Promise<string>((resolve) => {
  heard = resolve;
});
const acceptor = openOverPort(port2, 'REMOTE_CALLED_US', network, ({ type }) => heard(type));
const dialler = openOverPort(port1, 'WE_CALLED_REMOTE', network, () => {});

const remote = await dialler.authenticated;
console.log(`authenticated: ${remote.peerID} (${remote.versionStr})`);
dialler.send({ type: 'GET_SCP_STATE', ledgerSeq: 0 });
console.log(`the other end has received ${await received}`);
dialler.close();
console.log(`ended: ${(await dialler.ended).code} here, ${(await acceptor.ended).code} there`);
