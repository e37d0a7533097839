/**
 * Both ends of a channel in one program: a listener, and a peer that dials it.
 * Run it with `npx tsx examples/talk.ts`. Outside this repository the import is `from 'stellar-handshake'`.
 */
import { connect, listen, NodeIdentity, networks } from '../src/index.ts';

const network = networks.standalone;
await using listener = await listen({ port: 0, network, identity: NodeIdentity.random() });

const accepted = (async () => {
  for await (const connection of listener) {
    for await (const message of connection) {
      // PEERS, GET_SCP_STATE and so on: one union with the discriminant `type`.
      if (message.type === 'FLOOD_ADVERT')
        return `${message.txHashes.length} transactions advertised by ${connection.remote.peerID}`;
    }
  }
  return 'nobody came';
})();

await using connection = await connect({ host: listener.host, port: listener.port, network, expectedPeerID: listener.peerID });
console.log(`connected to ${connection.remote.peerID} (${connection.remote.versionStr})`);
console.log(`answered a ping in ${(await connection.ping()).toFixed(1)} ms`);
await connection.send({ type: 'FLOOD_ADVERT', txHashes: [new Uint8Array(32), new Uint8Array(32)] });
console.log(await accepted);
