/**
 * HELLO: every check of protocol.md section 4.4 but those on the certificate.
 * @module
 */
import type { Hello } from '../../protocol/wire/messages.ts';
import { type AuditCase, type CaseSpec, forAcceptor, forBoth } from '../case.ts';
import { all, drop, onConnection, open, refusal } from '../expect.ts';
import { CannotPlay, type Scene } from '../scene.ts';
import { anotherConnection, authenticated, connected, greeted, hello, reaction, sends } from '../steps.ts';

/** The target's HELLO, from this connection or an earlier one. */
function targetHello({ peer, facts }: Scene): Hello {
  return (peer.remoteHello ?? facts?.hello) as Hello;
}

/** The target's own identity and certificate, sent back to it. */
const mirrored = (scene: Scene): Pick<Hello, 'peerID' | 'cert'> => {
  const { peerID, cert } = targetHello(scene);
  return { peerID, cert };
};

const tooOld = (scene: Scene): Pick<Hello, 'overlayVersion' | 'overlayMinVersion'> => {
  const overlayVersion = targetHello(scene).overlayMinVersion - 1;
  if (overlayVersion < 0) throw new CannotPlay('not-applicable', 'it supports every old overlay version');
  return { overlayVersion, overlayMinVersion: Math.max(0, overlayVersion - 2) };
};

const otherNetworkID = new Uint8Array(32).fill(0x5a);

/** Cases of the group `hello`. */
export const HELLO_CASES: readonly AuditCase[] = [
  ...forBoth(
    {
      name: 'garbage-sequence-and-mac',
      title: 'HELLO with a random sequence and MAC',
      why: 'HELLO uses neither: stellar-core ignores both fields.',
      source: '3.7',
      group: 'hello',
      severity: 'low',
      steps: [
        connected,
        hello('sequence and MAC are garbage', {}, (record) => {
          record.fill(0xa5, 8, 16);
          record.fill(0xa5, record.length - 32);
          return record;
        }),
      ],
      expect: open(),
    },
    {
      name: 'versions-too-old',
      title: 'HELLO with overlay versions that end below the target’s',
      why: 'Peers without a common version must end the connection with the reason, before they misread messages.',
      source: '4.4, check 9',
      group: 'hello',
      severity: 'high',
      steps: [connected, hello('its newest overlay version is older than the target’s oldest', tooOld)],
      expect: refusal('ERR_CONF', 'wrong protocol version', { reached: 'certificate' }),
    },
    {
      name: 'versions-too-new',
      title: 'HELLO with overlay versions that begin above the target’s',
      why: 'Peers without a common version must end the connection with the reason, before they misread messages.',
      source: '4.4, check 9',
      group: 'hello',
      severity: 'high',
      steps: [
        connected,
        hello('its oldest overlay version is newer than the target’s newest', (scene) => {
          const overlayMinVersion = targetHello(scene).overlayVersion + 1;
          if (overlayMinVersion > 0xffffffff) throw new CannotPlay('not-applicable', 'it supports every later overlay version');
          return { overlayMinVersion, overlayVersion: Math.min(overlayMinVersion + 7, 0xffffffff) };
        }),
      ],
      expect: refusal('ERR_CONF', 'wrong protocol version', { reached: 'certificate' }),
    },
    {
      name: 'versions-inverted',
      title: 'HELLO whose oldest overlay version is above its newest',
      why: 'Such a range is a fault of the peer. It overlaps with every range if only one end is compared.',
      source: '4.4, check 9',
      group: 'hello',
      severity: 'medium',
      steps: [
        connected,
        hello('oldest overlay version above the newest', (scene) => {
          const { overlayMinVersion: oldest, overlayVersion: newest } = targetHello(scene);
          return { overlayVersion: oldest, overlayMinVersion: Math.max(newest, oldest + 1) };
        }),
      ],
      expect: refusal('ERR_CONF', 'wrong protocol version', { reached: 'certificate' }),
    },
    {
      name: 'versions-widest',
      title: 'HELLO with overlay versions 0 to 2^32 - 1',
      why: 'An overlapping range is enough; both ends are unsigned integers.',
      source: '4.4, check 9',
      group: 'hello',
      severity: 'medium',
      steps: [connected, hello('overlay versions 0 to 2^32 - 1', { overlayMinVersion: 0, overlayVersion: 0xffffffff })],
      expect: open(),
    },
    {
      name: 'versions-single',
      title: 'HELLO with only the target’s newest overlay version',
      why: 'One common version is enough.',
      source: '4.4, check 9',
      group: 'hello',
      severity: 'high',
      steps: [
        connected,
        hello('only the target’s newest overlay version', (scene) => {
          const { overlayVersion } = targetHello(scene);
          return { overlayVersion, overlayMinVersion: overlayVersion };
        }),
      ],
      expect: open(),
    },
    {
      name: 'connecting-to-self',
      title: 'HELLO with the target’s own identity and certificate',
      why: 'A node that dials its own address must notice it, and a reflected HELLO must not be accepted.',
      source: '4.4, check 10',
      group: 'hello',
      severity: 'high',
      steps: [connected, hello('the target’s own identity and certificate', mirrored)],
      expect: refusal('ERR_CONF', 'connecting to self', { reached: 'certificate' }),
    },
    {
      name: 'wrong-network-id',
      title: 'HELLO names another network, under a certificate for this one',
      why: 'The signed network and the network in HELLO must agree.',
      source: '4.4, check 11',
      group: 'hello',
      severity: 'medium',
      steps: [connected, hello('networkID of another network', { networkID: otherNetworkID })],
      expect: refusal('ERR_CONF', 'wrong network passphrase', { reached: 'certificate' }),
    },
    ...([0, -1, 65536, -(2 ** 31)] as const).map((listeningPort) => ({
      name: `port-${String(listeningPort).replace('-', 'minus-')}`,
      title: `HELLO with the listening port ${listeningPort}`,
      why: 'Nodes store this port and dial it: it must be a valid port.',
      source: '4.4, check 12',
      group: 'hello' as const,
      severity: 'medium' as const,
      steps: [connected, hello(`listeningPort ${listeningPort}`, { listeningPort })],
      expect: refusal('ERR_CONF', 'bad address', { reached: 'certificate' }),
    })),
    {
      name: 'port-65535',
      title: 'HELLO with the listening port 65535',
      why: 'This is the largest valid port.',
      source: '4.4, check 12',
      group: 'hello',
      severity: 'low',
      steps: [connected, hello('listeningPort 65535', { listeningPort: 65535 })],
      expect: open(),
    },
    severalFaults('version-before-network-and-port', ['old versions'], tooOld, 'wrong protocol version'),
    severalFaults('network-before-port', [], () => ({}), 'wrong network passphrase'),
    severalFaults('self-before-network', ['the target’s own identity'], mirrored, 'connecting to self'),
    {
      name: 'version-str-empty',
      title: 'HELLO with an empty version text',
      why: 'The text is free. No check may depend on it.',
      source: '2.5',
      group: 'hello',
      severity: 'low',
      steps: [connected, hello('versionStr empty', { versionStr: '' })],
      expect: open(),
    },
    {
      name: 'version-str-longest',
      title: 'HELLO with a version text of 100 bytes',
      why: '100 bytes are allowed, and builds with long names use them.',
      source: '2.5',
      group: 'hello',
      severity: 'medium',
      steps: [connected, hello('versionStr of 100 bytes', { versionStr: 'v'.repeat(100) })],
      expect: open(),
    },
    {
      name: 'version-str-not-utf8',
      title: 'HELLO with a version text that is not UTF-8',
      why: 'Strings are bytes. A peer that is not UTF-8 must not crash the target or be refused.',
      source: '2.1',
      group: 'hello',
      severity: 'medium',
      steps: [
        connected,
        hello('versionStr of the bytes ff fe c3 28', { versionStr: 'abcd' }, (record) => {
          record.set([0xff, 0xfe, 0xc3, 0x28], 68);
          return record;
        }),
      ],
      expect: open(),
    },
    {
      name: 'ledger-version-largest',
      title: 'HELLO with the ledger version 2^32 - 1',
      why: 'The ledger version is for information only: a newer node must not be refused.',
      source: '4.4',
      group: 'hello',
      severity: 'medium',
      steps: [connected, hello('ledgerVersion 2^32 - 1', { ledgerVersion: 0xffffffff })],
      expect: open(),
    },
    {
      name: 'second-hello-zero-mac',
      title: 'a second HELLO, without a MAC',
      why: 'After the first HELLO every record has a MAC. A second HELLO without one could replace keys or identity.',
      source: '3.7',
      group: 'hello',
      severity: 'critical',
      threat: 'unauthenticated acceptance',
      steps: [greeted, hello('the second, without a MAC', {})],
      expect: refusal('ERR_AUTH', 'unexpected MAC', { reached: 'HELLO' }),
    },
    {
      name: 'second-hello-good-mac',
      title: 'a second HELLO, with a good MAC',
      why: 'The first HELLO decides keys and identity.',
      source: '4.4, check 1',
      group: 'hello',
      severity: 'high',
      steps: [
        greeted,
        sends('a second HELLO with a good MAC', ({ peer: { mock, honestHello } }) =>
          mock.helloRecord(honestHello).slice(16, -32),
        ),
      ],
      expect: drop({ reached: 'HELLO' }),
    },
  ),
  ...forAcceptor(
    {
      name: 'second-connection',
      title: 'a second connection of an authenticated peer',
      why: 'Each identity may have one connection. Otherwise one peer could use all slots, or displace another peer.',
      source: '4.4, check 14',
      group: 'hello',
      severity: 'high',
      steps: [authenticated, anotherConnection('with the same identity'), connected, hello('of the same peer', {})],
      expect: all(refusal('ERR_CONF', 'already-connected peer', { reached: 'certificate' }), onConnection(0, open())),
    },
    {
      name: 'two-pending-connections',
      title: 'two connections of one peer, neither authenticated yet',
      why: 'A connection in the handshake counts too.',
      source: '4.4, check 15',
      group: 'hello',
      severity: 'medium',
      steps: [greeted, anotherConnection('with the same identity'), connected, hello('of the same peer', {}), reaction],
      // The first connection is tested first: stellar-core closes it if its handshake does not continue.
      expect: all(onConnection(0, open()), refusal('ERR_CONF', 'already-connected peer', { reached: 'certificate' })),
    },
  ),
];

/** A HELLO with these faults and two more, of which the first decides. */
function severalFaults(
  name: string,
  faults: readonly string[],
  options: (scene: Scene) => Partial<Hello>,
  words: string,
): CaseSpec {
  const all = [...faults, 'another network'];
  return {
    name,
    title: `HELLO with ${all.join(', ')} and port 0`,
    why: 'The first check that fails decides the ERROR_MSG, and peers rely on its text.',
    source: '4.4',
    group: 'hello',
    severity: 'low',
    steps: [
      connected,
      hello([...all, 'port 0'].join(', '), (scene) => ({ ...options(scene), networkID: otherNetworkID, listeningPort: 0 })),
    ],
    expect: refusal('ERR_CONF', words, { reached: 'certificate' }),
  };
}
