import { expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { explain } from '../../../src/explain/explain.ts';
import { storyLines } from '../../../src/explain/text.ts';
import { NodeIdentity, networks } from '../../../src/index.ts';
import { parseTarget } from '../../../src/net/target.ts';
import { Peer } from '../../../src/protocol/peer.ts';
import { ManualClock, mockNode } from '../../../src/testing/index.ts';
import { callCli } from '../../support/cli.ts';

const network = networks.standalone;
const plain = (text: string): string => text;
const emphasis = { heading: plain, good: plain, bad: plain, dim: plain };

it.each([
  ['shorter than an envelope', 8],
  ['malformed', 64],
])('explain shows a record that is %s as malformed, and why the connection ended', async (_name, length) => {
  await using node = await mockNode({ network }, async (peer) => {
    await peer.expect('HELLO');
    peer.hello();
    await peer.expect('AUTH');
    peer.auth();
    peer.sendHeader(length);
    peer.sendRaw(new Uint8Array(length).fill(255));
    await peer.expectEnd();
  });
  const story = await explain({ host: node.host, port: node.port }, { network });
  const text = [...storyLines(story, emphasis)].join('\n');
  expect(story.error?.code).toBe('OVERLAY_CORRUPT_XDR');
  expect(text).toContain('MALFORMED');
  expect(text).toContain('not all of it is the peer’s');
  expect(text).not.toContain('What the peer sends next');
  const { code, stderr } = await callCli(['explain', `127.0.0.1:${node.port}`, '--network', 'standalone', '--json']);
  expect({ code, stderr }).toEqual({ code: 6, stderr: '' });
});

it('a seed in place of a target is refused and not printed', async () => {
  const seed = 'SAEBFML7QAWLWRCNJJM4JVQAUJ5LZMZXD6QYRHQEPVHO4A2HSP65Z7JY';
  expect(() => parseTarget(seed)).toThrow(TypeError);
  const { code, stdout, stderr } = await callCli(['probe', seed]);
  expect(code).toBe(2);
  expect(stdout + stderr).not.toContain(seed);
});

/** The two ends of a handshake whose versions do not overlap, with keys that say when they are overwritten. */
function refusedByVersion(): { made: number; wiped: number } {
  const keys = { made: 0, wiped: 0 };
  const crypto: typeof nodeCrypto = {
    ...nodeCrypto,
    macKey(key) {
      keys.made++;
      const inner = nodeCrypto.macKey(key);
      return {
        seal: (...args) => inner.seal(...args),
        verify: (...args) => inner.verify(...args),
        wipe() {
          keys.wiped++;
          inner.wipe();
        },
      };
    },
  };
  const now = new ManualClock().now();
  const side = (role: 'WE_CALLED_REMOTE' | 'REMOTE_CALLED_US', version: number): Peer =>
    new Peer({
      role,
      crypto,
      nonce: new Uint8Array(32).fill(version),
      peerAuth: NodeIdentity.random().peerAuth(network),
      overlayVersion: version,
      overlayMinVersion: version,
      ledgerVersion: 27,
      versionStr: '',
      listeningPort: 11625,
    });
  const a = side('WE_CALLED_REMOTE', 40);
  const b = side('REMOTE_CALLED_US', 50);
  a.start(now);
  b.start(now);
  b.push(a.takeOutput(now) as Uint8Array);
  while (b.next(now));
  expect(b.error?.code).toBe('OVERLAY_WRONG_PROTOCOL_VERSION');
  return keys;
}

it('the MAC keys are overwritten when a HELLO is refused', () => {
  expect(refusedByVersion()).toEqual({ made: 2, wiped: 2 });
});

it('a dialler with a deadline of more than a minute is not dropped before AUTH because the peer has granted nothing', () => {
  const clock = new ManualClock();
  const peer = new Peer({
    role: 'WE_CALLED_REMOTE',
    crypto: nodeCrypto,
    nonce: new Uint8Array(32),
    peerAuth: NodeIdentity.random().peerAuth(network),
    overlayVersion: 42,
    overlayMinVersion: 38,
    ledgerVersion: 27,
    versionStr: '',
    listeningPort: 11625,
    authenticationTimeoutMs: 300_000,
  });
  peer.start(clock.now());
  clock.advance(120_000);
  expect(peer.tick(clock.now())).toBeUndefined();
});
