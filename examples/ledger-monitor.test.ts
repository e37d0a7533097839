/**
 * How an application tests its own code: the peer follows a script, on a manual clock, without a socket. Run it with `npx tsx
 * --test examples/ledger-monitor.test.ts`. Outside this repository the imports are `from 'stellar-handshake'` and `from
 * 'stellar-handshake/testing'`; any test runner will do.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { connect, networks } from '../src/index.ts';
import { ManualClock, type MockScript, mockNode, mockPair } from '../src/testing/index.ts';
import { currentLedger, type LedgerReport } from './ledger-monitor.ts';

const network = networks.standalone;

/** Asks a peer in memory that plays this script. */
async function ask(script: MockScript, clock = new ManualClock()): Promise<LedgerReport> {
  const { connection, finished } = mockPair({ network, clock }, script);
  const report = await currentLedger(connection, clock);
  await finished;
  return report;
}

test('it finds the ledger of the first SCP message', async () => {
  const report = await ask(async (peer) => {
    await peer.handshake();
    await peer.expect('SEND_MORE_EXTENDED');
    await peer.expect('GET_SCP_STATE');
    const pledges = { type: 'SCP_ST_NOMINATE', quorumSetHash: new Uint8Array(32), votes: [], accepted: [] } as const;
    const statement = { nodeID: peer.peerID, slotIndex: 60_000_001n, pledges };
    peer.send({ type: 'SCP_MESSAGE', envelope: { statement, signature: new Uint8Array(64) } });
    await peer.expectEnd();
  });
  assert.deepEqual(report, { ledger: 60_000_001n });
});

test('it gives up after ten seconds of silence, without waiting', async () => {
  const clock = new ManualClock();
  const report = await ask(async (peer) => {
    await peer.handshake();
    // Lets the application begin to wait.
    await setImmediate();
    clock.advance(10_000);
    await peer.expectEnd();
  }, clock);
  assert.deepEqual(report, { failed: 'it says nothing of any ledger' });
});

test('it takes the addresses that a full node sends', async () => {
  const report = await ask((peer) => peer.full([{ ip: '192.0.2.4', port: 11625, numFailures: 0 }]));
  assert.deepEqual(report, { tryOthers: ['192.0.2.4 11625'] });
});

test('it refuses a message that was changed on its way', async () => {
  const report = await ask(async (peer) => {
    await peer.handshake();
    peer.sendBadMac({ type: 'GET_SCP_STATE', ledgerSeq: 0 });
    await peer.expectEnd();
  });
  assert.match('failed' in report ? report.failed : '', /^unexpected-mac: /);
});

test('a node that resets the connection, on a real socket', async () => {
  await using node = await mockNode({ network }, async (peer) => {
    await peer.expect('HELLO');
    peer.reset();
  });
  const clock = new ManualClock();
  const report = await currentLedger(connect({ host: node.host, port: node.port, network, clock }), clock);
  assert.match('failed' in report ? report.failed : '', /^connection-reset: /);
});
