/**
 * Behaviour of the target with an honest peer.
 * @module
 */
import { equalBytes, fromHex, isAllZero, toHex } from '../../protocol/bytes.ts';
import type { Hello, PeerAddress } from '../../protocol/wire/messages.ts';
import { type AuditCase, forAcceptor, forBoth, forInitiator } from '../case.ts';
import { holds, open } from '../expect.ts';
import type { Scene } from '../scene.ts';
import { authenticated, connected, greeted, pause, pinged } from '../steps.ts';

/** The target's HELLO of this connection. */
function helloOf({ peer }: Scene): Hello {
  return peer.remoteHello as Hello;
}

function peersOf({ peer }: Scene): readonly (readonly PeerAddress[])[] {
  return peer.received.flatMap(({ message }) => (message.type === 'PEERS' ? [message.peers] : []));
}

/** Cases of the group `conduct`. */
export const CONDUCT_CASES: readonly AuditCase[] = [
  ...forBoth(
    {
      name: 'handshake',
      title: 'an honest handshake, and a ping',
      why: 'All other cases depend on it.',
      source: '4.1',
      group: 'conduct',
      severity: 'high',
      steps: [authenticated],
      expect: open(),
    },
    {
      name: 'answers-pings',
      title: 'GET_SCP_QUORUMSET of an unknown hash',
      why: 'It is used as a ping: nodes ask a peer that does not answer last.',
      source: '6.4',
      group: 'conduct',
      severity: 'medium',
      steps: [authenticated],
      expect: holds(
        'DONT_HAVE of that hash comes',
        async ({ peer, timing }) => ((await peer.until(peer.ping(), timing.reactMs)) ? undefined : 'it does not come'),
        'differs',
      ),
    },
    {
      name: 'answers-for-tx-sets',
      title: 'GET_TX_SET of an unknown hash',
      why: 'A node waits 1.5 s for an answer before it asks another peer: DONT_HAVE saves this time.',
      source: '6.3',
      group: 'conduct',
      severity: 'low',
      steps: [authenticated],
      expect: holds(
        'DONT_HAVE of that hash comes',
        async ({ peer, timing, random }) => {
          const txSetHash = random(32);
          peer.say({ type: 'GET_TX_SET', txSetHash }, 'GET_TX_SET of a random hash');
          const answered = (): boolean =>
            peer.received.some(({ message }) => message.type === 'DONT_HAVE' && equalBytes(message.reqHash, txSetHash));
          return (await peer.until(answered, timing.reactMs)) ? undefined : 'it does not come';
        },
        'differs',
      ),
    },
    {
      name: 'hello-is-bare',
      title: 'sequence and MAC of the target’s HELLO',
      why: 'Both fields are zero in HELLO. Other values may be uninitialised memory.',
      source: '3.7',
      group: 'conduct',
      severity: 'low',
      steps: [greeted],
      expect: holds(
        'both are all zero',
        ({ peer }) => {
          const body = peer.received.find(({ message }) => message.type === 'HELLO')?.body ?? new Uint8Array(0);
          return isAllZero(body.subarray(4, 12)) && isAllZero(body.subarray(-32)) ? undefined : 'they are not';
        },
        'differs',
      ),
    },
    {
      name: 'hello-is-plausible',
      title: 'the fields of the target’s HELLO',
      why: 'Every peer checks these fields, and refuses a node with wrong ones.',
      source: '4.4',
      group: 'conduct',
      severity: 'high',
      steps: [greeted],
      expect: holds('versions in order, its own network, a valid port', (scene) => {
        const { overlayVersion, overlayMinVersion, networkID, listeningPort } = helloOf(scene);
        if (overlayMinVersion > overlayVersion) return `overlay versions ${overlayMinVersion} to ${overlayVersion}`;
        if (!equalBytes(networkID, fromHex(scene.network.networkID))) return `networkID ${toHex(networkID)}`;
        return listeningPort >= 1 && listeningPort <= 65535 ? undefined : `listeningPort ${listeningPort}`;
      }),
    },
    {
      name: 'certificate-is-good',
      title: 'the target’s own certificate',
      why: 'It proves the identity of the target. It is valid for an hour, which limits the use of a stolen ECDH key.',
      source: '3.4',
      group: 'conduct',
      severity: 'high',
      steps: [greeted],
      expect: holds('signed by its peerID for this network, and not expired', ({ peer, clock }) => {
        const { cert, peerID } = peer.remoteHello as Hello;
        if (!peer.isSignedBy(peerID, cert)) return 'the signature is not that of its peerID over this network';
        return cert.expiration >= BigInt(Math.floor(clock.now().unixSeconds)) ? undefined : 'it has expired by our clock';
      }),
    },
    {
      name: 'certificate-is-short-lived',
      title: 'how long the target’s certificate is valid',
      why: 'With a certificate that never expires, a stolen ECDH key can be used for ever. A date in milliseconds has this effect.',
      source: '3.4',
      group: 'conduct',
      severity: 'low',
      steps: [greeted],
      expect: holds(
        'at most an hour, with a tolerance of two hours for the clocks',
        (scene) => {
          const seconds = helloOf(scene).cert.expiration - BigInt(Math.floor(scene.clock.now().unixSeconds));
          return seconds <= 3n * 3600n ? undefined : `${seconds} s`;
        },
        'differs',
      ),
    },
    {
      name: 'nonce-is-fresh',
      title: 'the target’s nonce in two connections',
      why: 'Nonces prevent the replay of records from one connection in another.',
      source: '3.6',
      group: 'conduct',
      severity: 'critical',
      threat: 'unauthenticated acceptance',
      steps: [greeted],
      expect: holds('it differs, and is not zero', (scene) => {
        const { nonce } = helloOf(scene);
        if (isAllZero(nonce)) return 'it is all zero';
        const before = scene.facts?.hello.nonce;
        return before !== undefined && equalBytes(before, nonce) ? 'it is the same in both' : undefined;
      }),
    },
    {
      name: 'auth-once',
      title: 'how often the target sends HELLO and AUTH',
      why: 'Each may come once: a peer drops a node that sends one of them twice.',
      source: '4.1',
      group: 'conduct',
      severity: 'high',
      steps: [authenticated, pinged],
      expect: holds('each once', ({ peer }) => {
        const [hellos, auths] = [peer.said('HELLO'), peer.said('AUTH')];
        return hellos === 1 && auths === 1 ? undefined : `HELLO ${hellos} times, AUTH ${auths} times`;
      }),
    },
  ),
  ...forAcceptor(
    {
      name: 'speaks-second',
      title: 'a connection on which we send nothing for a second',
      why: 'The acceptor waits for the HELLO of the dialler, so that port scanners do not learn its identity.',
      source: '4.1',
      group: 'conduct',
      severity: 'low',
      steps: [connected, pause(1_000)],
      expect: holds(
        'nothing comes',
        ({ peer }) => (peer.received.length === 0 ? undefined : `${peer.types.join(', ')}`),
        'differs',
      ),
    },
    {
      name: 'peers-once',
      title: 'PEERS of the target',
      why: 'PEERS comes at most once, directly after AUTH: a second one ends the connection.',
      source: '4.9',
      group: 'conduct',
      severity: 'high',
      steps: [authenticated, pinged],
      expect: holds('none, or one directly after AUTH, with at most 100 addresses with valid ports', (scene) => {
        const peers = peersOf(scene);
        if (peers.length > 1) return `PEERS comes ${peers.length} times`;
        const at = scene.peer.types.indexOf('PEERS');
        if (at >= 0 && scene.peer.types[at - 1] !== 'AUTH') return `PEERS comes after ${scene.peer.types[at - 1]}`;
        const wrong = peers[0]?.find(({ port }) => port < 1 || port > 65535);
        return wrong && `PEERS names ${wrong.ip} with port ${wrong.port}`;
      }),
    },
  ),
  ...forInitiator({
    name: 'sends-no-peers',
    title: 'PEERS of a target that dials',
    why: 'A dialler may not send PEERS: nodes drop it.',
    source: '4.9',
    group: 'conduct',
    severity: 'high',
    steps: [authenticated, pinged],
    expect: holds('none', (scene) => (peersOf(scene).length === 0 ? undefined : 'PEERS has come')),
  }),
];
