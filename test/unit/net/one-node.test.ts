import { expect, it } from 'vitest';
import { connect, listen, NodeIdentity, networks } from '../../../src/index.ts';

const network = networks.standalone;

it('a node that listens and dials has only one connection with a peer, whoever dialled first', async () => {
  const [ourIdentity, theirIdentity] = [NodeIdentity.random(), NodeIdentity.random()];
  const ours = await listen({ network, port: 0, identity: ourIdentity });
  const theirs = await listen({ network, port: 0, identity: theirIdentity });
  const dialUs = () => connect({ host: ours.host, port: ours.port, network, identity: theirIdentity });
  const dialThem = () => connect({ host: theirs.host, port: theirs.port, network, identity: ourIdentity, listener: ours });

  const accepting = ours[Symbol.asyncIterator]().next();
  const inbound = await dialUs();
  const accepted = (await accepting).value;
  await expect(dialThem()).rejects.toMatchObject({
    code: 'OVERLAY_ALREADY_CONNECTED',
    told: { code: 'ERR_CONF', message: `already-connected peer: ${theirIdentity.peerID.slice(0, 5)}` },
  });
  expect(await inbound.ping()).toBeGreaterThan(0);

  await inbound.close();
  await accepted?.ended;
  const outbound = await dialThem();
  await expect(dialUs()).rejects.toMatchObject({
    peerError: { code: 'ERR_CONF', message: `already-connected peer: ${theirIdentity.peerID.slice(0, 5)}` },
  });
  expect(await outbound.ping()).toBeGreaterThan(0);

  await outbound.close();
  const again = await dialUs();
  await again.close();
  await Promise.all([ours.close(), theirs.close()]);
});

it('connect() refuses a value of the option listener that is no Listener', async () => {
  const listener = {} as never;
  await expect(connect({ host: '127.0.0.1', port: 1, network, listener })).rejects.toThrow(
    new TypeError('listener must be a Listener'),
  );
});
