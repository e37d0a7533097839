/**
 * Sends a signed transaction, and waits until a ledger that our own quorum set has closed contains it. It needs no Horizon and
 * no RPC server. Outside this repository the imports are `from 'stellar-handshake'` and `from 'stellar-handshake/follow'`.
 *
 *     npx tsx examples/submit.ts envelope.xdr quorum-set.json core-1.example.org core-2.example.org
 *
 * envelope.xdr is the base64 that every SDK prints (`transaction.toEnvelope().toXDR('base64')`), quorum-set.json is `{
 * "threshold": …, "validators": ["G…"], "innerSets": [] }`: the validators you trust.
 */
import { readFile } from 'node:fs/promises';
import { submit } from '../src/follow/index.ts';
import { networks } from '../src/index.ts';

const [envelope = '', quorumSet = '', ...peers] = process.argv.slice(2);
const result = await submit({
  transaction: new Uint8Array(Buffer.from(await readFile(envelope, 'utf8'), 'base64')),
  quorumSet: JSON.parse(await readFile(quorumSet, 'utf8')),
  peers,
  network: process.env.NETWORK === undefined ? networks.testnet : networks[process.env.NETWORK as keyof typeof networks],
  onDemand: (address) => console.log(`${address} has asked for it`),
  onEvent: (event) => console.log(JSON.stringify(event)),
});
switch (result.outcome) {
  case 'included':
    console.log(`ledger ${result.ledger.ledgerSeq} contains ${result.transactionHash}`);
    // The proof, for everyone who trusts the same nodes.
    console.log(JSON.stringify(result.ledger.proof));
    break;
  case 'expired':
    console.log(`too late: it is in none of the ledgers ${result.from} to ${result.to}`);
    break;
  case 'refused':
    console.log('every node has refused us', result.errors);
    break;
  case 'timeout':
    console.log('not seen in time; a later ledger may still contain it');
}
process.exitCode = result.outcome === 'included' ? 0 : 1;
