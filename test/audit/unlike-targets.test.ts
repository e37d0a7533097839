/** Correct targets in an unusual state: one is not in sync, one is full. */
import { type Duplex, duplexPair } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { auditAcceptor, auditInitiator, type CaseResult, type TargetFacts } from '../../src/audit/index.ts';
import { printFacts } from '../../src/cli/audit-text.ts';
import type { Output } from '../../src/cli/output.ts';
import { NodeIdentity, networks } from '../../src/index.ts';
import { MockPeer, type MockScript } from '../../src/testing/index.ts';
import { collect, IdleClock } from './targets.ts';

const network = networks.standalone;
let clock: IdleClock;

beforeEach(() => {
  clock = new IdleClock();
});

afterEach(() => clock.stop());

/** Audits an acceptor that plays a script on each connection. */
async function audit(
  script: MockScript,
  only: readonly string[],
): Promise<{ results: readonly CaseResult[]; facts: TargetFacts | undefined }> {
  const identity = NodeIdentity.random();
  const reach = async (): Promise<Duplex> => {
    const [ours, theirs] = duplexPair();
    ours.on('data', () => clock.touch());
    theirs.on('data', () => clock.touch());
    const peer = new MockPeer(theirs, 'REMOTE_CALLED_US', { network, clock, identity });
    void script(peer)
      .catch(() => {})
      .then(() => peer.close());
    return ours;
  };
  let facts: TargetFacts | undefined;
  const onFacts = (told: TargetFacts): void => {
    facts = told;
  };
  const results = await collect(auditAcceptor(reach, { network, clock, seed: 'unlike', only, onFacts }));
  return { results, facts };
}

/** Answers pings, and grants again what `grantsBack` says of each advert. */
function node(grantsBack: boolean): MockScript {
  return async (peer) => {
    await peer.handshake();
    for (let body = await peer.receiveBody(); body !== undefined; body = await peer.receiveBody()) {
      const message = peer.read(body);
      if (message.type === 'GET_SCP_QUORUMSET')
        peer.send({ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: message.qSetHash });
      if (message.type === 'FLOOD_ADVERT' && grantsBack) peer.grant(1, body.length - 44);
      if (message.type === 'AUTH') return peer.error('ERR_MISC', 'out-of-order AUTH message');
    }
  };
}

it.each(['bytes-beyond-credit', 'messages-beyond-credit'])(
  '%s: a node passes when it grants at once for the messages that it received, as a node that is not in sync does',
  async (name) => {
    expect((await audit(node(true), [name])).results.map(({ verdict }) => verdict)).toEqual(['pass']);
    expect((await audit(node(false), [name])).results.map(({ verdict }) => verdict)).toEqual(['differs']);
  },
);

it('the report on a full node does not say that it answers no pings, because no ping was sent', async () => {
  const { facts } = await audit((peer) => peer.full(), ['handshake']);
  const lines: string[] = [];
  const out = { line: (text: string) => lines.push(text), style: (_style: unknown, text: string) => text };
  printFacts('it', facts as TargetFacts, out as unknown as Output);
  expect(lines.join('\n')).toContain('no free slot');
  expect(lines.join('\n')).not.toContain('pings');
});

it('the audit stays with the node that dialled first when another node dials too, reports the other node, and names the peerID in each result', async () => {
  const target = NodeIdentity.random();
  const neighbour = NodeIdentity.random();
  let dialled = 0;
  const accept = async (): Promise<Duplex> => {
    const [ours, theirs] = duplexPair();
    ours.on('error', () => {});
    for (const end of [ours, theirs]) end.pause();
    // Every second connection is the neighbour's, which answers nothing.
    const isTarget = dialled++ % 2 === 0;
    const options = { network, clock, identity: isTarget ? target : neighbour };
    const peer = new MockPeer(theirs, 'WE_CALLED_REMOTE', options);
    theirs.on('data', () => clock.touch());
    const script: MockScript = async () => {
      peer.hello();
      await peer.expect('HELLO');
      peer.auth();
      await peer.expect('AUTH');
      peer.grant();
      for (let body = await peer.receiveBody(); body !== undefined; body = await peer.receiveBody()) {
        const message = peer.read(body);
        if (message.type === 'GET_SCP_QUORUMSET' && isTarget)
          peer.send({ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: message.qSetHash });
        if (message.type === 'AUTH') return peer.error('ERR_MISC', 'out-of-order AUTH message');
      }
    };
    void script(peer)
      .catch(() => {})
      .then(() => peer.close());
    return ours;
  };
  const strangers: string[] = [];
  const onStranger = (peerID: string, isPlayedWith: boolean): void => void strangers.push(`${peerID} ${isPlayedWith}`);
  const only = ['answers-pings', 'second-auth'];
  const results = await collect(auditInitiator(accept, { network, clock, seed: 'unlike', only, onStranger }));
  expect(results.map(({ peerID }) => peerID)).toEqual(only.map(() => target.peerID));
  expect(results.find(({ id }) => id.endsWith('answers-pings'))?.verdict).toBe('pass');
  expect(new Set(strangers)).toEqual(new Set([`${neighbour.peerID} false`]));
});
