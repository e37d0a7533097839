/**
 * The channel after AUTH: sequence and MAC of every record, and messages that have no place there.
 * @module
 */
import { type AuditCase, type CaseSpec, forAcceptor, forBoth } from '../case.ts';
import { drop, refusal } from '../expect.ts';
import { MAC_VARIATIONS, type MacVariation } from '../mac.ts';
import type { Scene } from '../scene.ts';
import { authenticated, pinged, raw, type Seal, sends } from '../steps.ts';

const grant = { type: 'SEND_MORE_EXTENDED', numMessages: 1, numBytes: 1000 } as const;

function unsealed(name: string, title: string, seal: Seal, words: string): CaseSpec {
  return {
    name,
    title: `after AUTH, a record with ${title}`,
    why: 'Each record is authentic or the connection is over: anyone on the path can write into a TCP stream.',
    source: '3.7',
    group: 'channel',
    severity: 'critical',
    threat: 'unauthenticated acceptance',
    steps: [authenticated, pinged, sends(`SEND_MORE_EXTENDED with ${title}`, grant, seal)],
    expect: refusal('ERR_AUTH', words, { reached: 'AUTH' }),
  };
}

const sealedGrant = ({ peer: { mock } }: Scene): Uint8Array => mock.seal(mock.record(grant));

/** Cases of the group `channel`. */
export const CHANNEL_CASES: readonly AuditCase[] = [
  ...forBoth(
    ...(Object.keys(MAC_VARIATIONS) as MacVariation[])
      .filter((variation) => !variation.startsWith('swapped'))
      .map((variation) => unsealed(`record-mac-${variation}`, MAC_VARIATIONS[variation], { mac: variation }, 'unexpected MAC')),
    unsealed('record-skipped', 'a sequence one too high', { sequence: (next) => next + 1n }, 'unexpected auth sequence'),
    unsealed('record-sequence-zero', 'sequence 0 once more', { sequence: () => 0n }, 'unexpected auth sequence'),
    {
      name: 'record-replayed',
      title: 'after AUTH, the same record twice',
      why: 'A replayed record is one that the peer has not sent: grants could be multiplied by anyone on the path.',
      source: '3.7',
      group: 'channel',
      severity: 'critical',
      threat: 'unauthenticated acceptance',
      steps: [
        authenticated,
        raw('SEND_MORE_EXTENDED, and the very same record again', (scene) => {
          const record = sealedGrant(scene);
          return Uint8Array.of(...record, ...record);
        }),
      ],
      expect: refusal('ERR_AUTH', 'unexpected auth sequence', { reached: 'AUTH' }),
    },
    {
      name: 'records-reordered',
      title: 'after AUTH, two records in the wrong order',
      why: 'Records come in the order in which they were sealed, or not at all.',
      source: '3.7',
      group: 'channel',
      severity: 'critical',
      threat: 'unauthenticated acceptance',
      steps: [
        authenticated,
        raw('two SEND_MORE_EXTENDED, the second first', (scene) => {
          const first = sealedGrant(scene);
          return Uint8Array.of(...sealedGrant(scene), ...first);
        }),
      ],
      expect: refusal('ERR_AUTH', 'unexpected auth sequence', { reached: 'AUTH' }),
    },
  ),
  ...forAcceptor({
    name: 'peers-to-acceptor',
    title: 'PEERS from the side that dialled',
    why: 'Only nodes one has chosen to dial may name addresses: others could fill the address book.',
    source: '4.9',
    group: 'channel',
    severity: 'medium',
    steps: [authenticated, sends('PEERS of nobody', { type: 'PEERS', peers: [] })],
    expect: drop({ reached: 'AUTH' }),
  }),
];
