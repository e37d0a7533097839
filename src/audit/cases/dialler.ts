/**
 * Situations that only a dialling target meets: PEERS, refusals, and acceptors that are full, slow, faulty or gone.
 * @module
 */
import type { ErrorCodeName } from '../../protocol/error-table.ts';
import { encodeRecord } from '../../protocol/wire/framing.ts';
import type { PeerAddress, StellarMessage } from '../../protocol/wire/messages.ts';
import { type AuditCase, type CaseSpec, forInitiator } from '../case.ts';
import { drop, ends, holds, open, refusal } from '../expect.ts';
import { CannotPlay, type Scene } from '../scene.ts';
import { atOnce, auth, authenticated, connected, fin, greeted, hello, pause, raw, rst, type Step, sends } from '../steps.ts';

const peers = (...addresses: readonly PeerAddress[]): StellarMessage => ({ type: 'PEERS', peers: addresses });

/** Addresses that nobody dials: invalid ports, IPv6, and private networks. */
const UNUSABLE: readonly PeerAddress[] = [
  { ip: '203.0.113.1', port: 0, numFailures: 0 },
  { ip: '203.0.113.2', port: 65_536, numFailures: 0 },
  { ip: '203.0.113.1', port: 0xffffffff, numFailures: 0xffffffff },
  { ip: '2001:db8::1', port: 11_625, numFailures: 0 },
  { ip: '10.255.255.1', port: 11_625, numFailures: 0 },
  { ip: '172.31.255.1', port: 11_625, numFailures: 0 },
  { ip: '192.168.255.1', port: 11_625, numFailures: 0 },
];

const grant: StellarMessage = { type: 'SEND_MORE_EXTENDED', numMessages: 200, numBytes: 300_000 };

const says = (message: StellarMessage): Step => sends(message.type, message);

function errorMessage(code: ErrorCodeName, msg: string): Step {
  return raw(`ERROR_MSG ${code} “${msg}”`, ({ peer: { mock } }) => mock.record({ type: 'ERROR_MSG', code, msg }));
}

/** A message of the target on this connection, sent back unchanged. */
function reflected(type: 'HELLO' | 'AUTH' | 'SEND_MORE_EXTENDED'): Step {
  return raw(`the target’s own ${type}, sent back`, ({ peer }: Scene) => {
    const own = peer.received.find(({ message }) => message.type === type);
    if (own === undefined) throw new CannotPlay('not-applicable', `it has sent no ${type}`);
    if (type === 'HELLO') peer.isKeyless = true;
    return encodeRecord(own.body);
  });
}

/** An acceptor that answers HELLO and refuses in the same write, as nodes do. */
function refused(name: string, code: ErrorCodeName, msg: string): CaseSpec {
  return {
    name,
    title: `HELLO and ERROR_MSG ${code} “${msg}” in one write`,
    why: 'A node refuses in this way. Its peer must close without an answer, and can report the reason.',
    source: '4.4',
    group: 'hello',
    severity: 'medium',
    steps: [connected, atOnce(hello('correct', {}), errorMessage(code, msg))],
    expect: drop(),
  };
}

/** An acceptor that closes in the middle. */
function left(name: string, title: string, ...steps: readonly Step[]): CaseSpec {
  return {
    ...{ name, title, source: '1.3', group: 'framing', severity: 'medium' },
    why: 'Nodes restart and links fail at any time: the dialler must close the connection and continue to run.',
    steps,
    expect: ends('it closes'),
  };
}

/** Cases of several groups, for a target that dials. */
export const DIALLER_CASES: readonly AuditCase[] = forInitiator(
  {
    name: 'peers-empty',
    title: 'PEERS of no addresses',
    why: 'A node that knows no address may send an empty PEERS.',
    source: '4.9',
    group: 'channel',
    severity: 'high',
    steps: [authenticated, says(peers())],
    expect: open(),
  },
  {
    name: 'peers-unusable',
    title: 'PEERS of unusable addresses',
    why: 'Entries with port 0, a port above 65535, IPv6 or a private network are ignored one by one. They are not a fault of the node.',
    source: '4.9',
    group: 'channel',
    severity: 'high',
    steps: [authenticated, says(peers(...UNUSABLE))],
    expect: open(),
  },
  {
    name: 'peers-of-100',
    title: 'PEERS of 100 addresses, none of which can be used',
    why: '100 are allowed, in a record of up to 2,856 bytes.',
    source: '2.6',
    group: 'channel',
    severity: 'medium',
    steps: [authenticated, says(peers(...Array.from({ length: 100 }, (_, i) => UNUSABLE[i % UNUSABLE.length] as PeerAddress)))],
    expect: open(),
  },
  {
    name: 'peers-twice',
    title: 'PEERS twice',
    why: 'A node sends PEERS once: several would allow it to fill the address book.',
    source: '4.9',
    group: 'channel',
    severity: 'medium',
    steps: [authenticated, says(peers()), says(peers())],
    expect: drop({ reached: 'AUTH' }),
  },
  {
    name: 'between-peers',
    title: 'PEERS between HELLO and AUTH, with a good MAC',
    why: 'Addresses are accepted only from an authenticated node.',
    source: '4.3',
    group: 'auth',
    severity: 'high',
    steps: [greeted, sends('PEERS, sealed', peers())],
    expect: drop({ reached: 'HELLO' }),
  },
  {
    name: 'pipelined-answer',
    title: 'AUTH, PEERS, SEND_MORE_EXTENDED and GET_SCP_STATE in one write',
    why: 'A node answers in this way: four records, each handled in the state after the previous one.',
    source: '4.1',
    group: 'auth',
    severity: 'high',
    steps: [greeted, atOnce(auth(), says(peers(...UNUSABLE)), says(grant), says({ type: 'GET_SCP_STATE', ledgerSeq: 1 }))],
    expect: open(),
  },
  {
    name: 'full',
    title: 'AUTH, PEERS and ERROR_MSG ERR_LOAD in one write: no slot is free',
    why: 'A full node still sends addresses of other nodes. This is the most common refusal.',
    source: '4.5, check 7',
    group: 'auth',
    severity: 'high',
    steps: [greeted, atOnce(auth(), says(peers(...UNUSABLE)), errorMessage('ERR_LOAD', 'peer rejected'))],
    expect: drop({ reached: 'AUTH' }),
  },
  refused('refused-version', 'ERR_CONF', 'wrong protocol version'),
  refused('refused-network', 'ERR_CONF', 'wrong network passphrase'),
  refused('refused-port', 'ERR_CONF', 'bad address'),
  refused('refused-duplicate', 'ERR_CONF', 'already-connected peer: GAAAA'),
  {
    name: 'told-shutdown',
    title: 'after AUTH, ERROR_MSG ERR_MISC “shutdown” and FIN',
    why: 'A node that is stopped ends connections in this way.',
    source: '1.4',
    group: 'channel',
    severity: 'medium',
    steps: [authenticated, errorMessage('ERR_MISC', 'shutdown'), fin],
    expect: drop({ reached: 'AUTH', isMidRecord: true }),
  },
  {
    ...echo('hello-reflected', 'HELLO', 'A reflected HELLO must be refused: it has the target’s own identity, key and nonce.'),
    ...{ source: '4.4, check 10', group: 'hello', severity: 'high' },
    steps: [connected, reflected('HELLO')],
    expect: refusal('ERR_CONF', 'connecting to self', { reached: 'certificate' }),
  },
  {
    ...echo('auth-reflected', 'AUTH', 'Each direction has its own key, so that a reflected AUTH is not accepted.'),
    ...{ source: '3.6', group: 'auth', severity: 'critical', threat: 'unauthenticated acceptance' },
    steps: [greeted, reflected('AUTH')],
    expect: refusal('ERR_AUTH', 'unexpected MAC', { reached: 'HELLO' }),
  },
  {
    ...echo(
      'grant-reflected',
      'first grant',
      'A reflected record is not a message of the peer. If it is accepted, anyone on the path can grant credit.',
    ),
    ...{ source: '3.6', group: 'channel', severity: 'critical', threat: 'unauthenticated acceptance' },
    steps: [authenticated, reflected('SEND_MORE_EXTENDED')],
    expect: refusal('ERR_AUTH', 'unexpected', { reached: 'AUTH' }),
  },
  {
    name: 'oversized-header-after-hello',
    title: 'a record of 4,097 bytes is announced between HELLO and AUTH',
    why: 'Anyone can make a certificate: the limit of 4,096 bytes applies until AUTH.',
    source: '1.2',
    group: 'framing',
    severity: 'high',
    threat: 'unbounded buffering',
    steps: [greeted, raw('a record header of 80001001: 4097 bytes are announced', Uint8Array.of(0x80, 0, 0x10, 1))],
    expect: drop({ reached: 'HELLO', isMidRecord: true }),
  },
  {
    name: 'slow-answer',
    title: 'HELLO after 1.5 s, AUTH after another 1.5 s',
    why: 'Distant and busy nodes are slow, but within the two seconds that a node waits.',
    source: '4.8',
    group: 'conduct',
    severity: 'medium',
    steps: [connected, pause(1_500), hello('correct', {}), pause(1_500)],
    expect: open(),
  },
  left('fin-at-once', 'FIN without any message', connected, fin),
  left('hello-then-fin', 'HELLO, then FIN instead of AUTH', greeted, fin),
  left('fin-after-auth', 'FIN after the handshake', authenticated, fin),
  ...(
    [
      ['rst-at-once', 'RST without any message', connected],
      ['rst-after-hello', 'RST after HELLO', greeted],
      ['rst-after-auth', 'RST after the handshake', authenticated],
    ] as const
  ).map(
    ([name, title, before]): CaseSpec => ({
      ...left(name, title, before, rst),
      expect: holds('it continues to run, and dials again', () => undefined),
    }),
  ),
);

/** A record of the target that comes back to it. */
function echo(name: string, what: string, why: string): Pick<CaseSpec, 'name' | 'title' | 'why'> {
  return { name, title: `the target’s own ${what}, sent back unchanged`, why };
}
