import { expect, it } from 'vitest';
import { connect, networks } from '../../../src/index.ts';
import { ManualClock, mockNode } from '../../../src/testing/index.ts';

it('a connection whose application reads nothing for minutes stays open and loses no message', async () => {
  const network = networks.standalone;
  const clock = new ManualClock();
  let sent!: () => void;
  const allSent = new Promise<void>((resolve) => {
    sent = resolve;
  });
  await using node = await mockNode({ network, clock }, async (peer) => {
    await peer.handshake();
    for (let ledgerSeq = 1; ledgerSeq <= 250; ledgerSeq++) peer.send({ type: 'GET_SCP_STATE', ledgerSeq });
    sent();
    await peer.expectEnd();
  });
  await using connection = await connect({ host: node.host, port: node.port, network, clock });
  await allSent;
  // The first message has come. After some turns of the event loop the buffers are full.
  const messages = connection[Symbol.asyncIterator]();
  const first = await messages.next();
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  for (let tick = 0; tick < 36; tick++) clock.advance(5_000);
  const seen = [first.value];
  while (seen.length < 250) seen.push((await messages.next()).value);
  expect(seen.map((message) => message?.type === 'GET_SCP_STATE' && message.ledgerSeq)).toEqual(
    Array.from({ length: 250 }, (_, i) => i + 1),
  );
});
