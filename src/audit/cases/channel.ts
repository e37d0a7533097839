/**
 * The channel after AUTH: sequence and MAC of every record, and messages that have no place there.
 * @module
 */
import { concatBytes } from '../../protocol/bytes.ts';
import { encodeRecord } from '../../protocol/wire/framing.ts';
import { type AuditCase, type CaseSpec, forAcceptor, forBoth } from '../case.ts';
import { drop, refusal } from '../expect.ts';
import { MAC_VARIATIONS, type MacVariation } from '../mac.ts';
import { CannotPlay, type Scene } from '../scene.ts';
import { authenticated, pinged, raw, type Seal, sends } from '../steps.ts';

const grant = { type: 'SEND_MORE_EXTENDED', numMessages: 1, numBytes: 1000 } as const;

function unsealed(name: string, title: string, seal: Seal, words: string): CaseSpec {
  return {
    name,
    title: `after AUTH, a record with ${title}`,
    why: 'A record that is not authentic ends the connection: anyone on the path can write into a TCP stream.',
    source: '3.7',
    group: 'channel',
    severity: 'critical',
    threat: 'unauthenticated acceptance',
    steps: [authenticated, pinged, sends(`SEND_MORE_EXTENDED with ${title}`, grant, seal)],
    expect: refusal('ERR_AUTH', words, { reached: 'AUTH' }),
  };
}

const sealedGrant = ({ peer: { mock } }: Scene): Uint8Array => mock.seal(mock.record(grant));

/** Where the low byte of the union version, and of the first field of a grant, is in a record. */
const VERSION_AT = 7;
const PAYLOAD_AT = 23;

/** A grant, one bit of which has changed after it was sealed. */
function flipped(at: number): (scene: Scene) => Uint8Array {
  return (scene) => sealedGrant(scene).map((byte, i) => (i === at ? byte ^ 1 : byte));
}

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
      why: 'Without this check, anyone on the path could replay records, for example to multiply grants.',
      ...outOfSequence('SEND_MORE_EXTENDED, and the same record again', (scene) => {
        const record = sealedGrant(scene);
        return [record, record];
      }),
    },
    {
      name: 'records-reordered',
      title: 'after AUTH, two records in the wrong order',
      why: 'Records must come in the order in which they were sealed.',
      ...outOfSequence('two SEND_MORE_EXTENDED, the second first', (scene) => [sealedGrant(scene), sealedGrant(scene)].reverse()),
    },
  ),
  ...forBoth(
    {
      name: 'record-payload-flipped',
      title: 'after AUTH, a grant with one bit of its payload flipped on the way',
      why: 'The MAC covers every byte of a message, so it must detect this change.',
      source: '3.7',
      group: 'channel',
      severity: 'critical',
      threat: 'unauthenticated acceptance',
      steps: [authenticated, raw('SEND_MORE_EXTENDED with a bit of numMessages flipped', flipped(PAYLOAD_AT))],
      expect: refusal('ERR_AUTH', 'unexpected MAC', { reached: 'AUTH' }),
    },
    {
      name: 'record-version-flipped',
      title: 'after AUTH, a record with one bit of its union version flipped on the way',
      why: 'The MAC does not cover the union version, so only its single valid value may be accepted.',
      source: '3.7',
      group: 'channel',
      severity: 'high',
      steps: [authenticated, raw('SEND_MORE_EXTENDED with a bit of the union version flipped', flipped(VERSION_AT))],
      expect: refusal('ERR_DATA', 'received corrupt XDR', { reached: 'AUTH' }),
    },
  ),
  ...forAcceptor({
    name: 'record-reflected',
    title: 'after AUTH, a record of the target is sent back to it',
    why: 'Each direction has its own key, so that a peer’s records cannot be sent back to it.',
    source: '3.6',
    group: 'channel',
    severity: 'critical',
    threat: 'unauthenticated acceptance',
    steps: [
      authenticated,
      raw('the target’s own SEND_MORE_EXTENDED, sent back', ({ peer: { received } }) => {
        const own = received.find(({ message }) => message.type === 'SEND_MORE_EXTENDED');
        if (own === undefined) throw new CannotPlay('not-applicable', 'it has sent no grant that could be sent back');
        return encodeRecord(own.body);
      }),
    ],
    expect: refusal('ERR_AUTH', 'unexpected', { reached: 'AUTH' }),
  }),
  ...forAcceptor({
    name: 'peers-to-acceptor',
    title: 'PEERS from the side that dialled',
    why: 'Only dialled nodes may name addresses: other peers could fill the address book.',
    source: '4.9',
    group: 'channel',
    severity: 'medium',
    steps: [authenticated, sends('PEERS of no addresses', { type: 'PEERS', peers: [] })],
    expect: drop({ reached: 'AUTH' }),
  }),
];

/** Two good records of which the second does not follow on the first. */
function outOfSequence(
  what: string,
  records: (scene: Scene) => readonly Uint8Array[],
): Pick<CaseSpec, 'source' | 'group' | 'severity' | 'threat' | 'steps' | 'expect'> {
  return {
    ...{ source: '3.7', group: 'channel', severity: 'critical', threat: 'unauthenticated acceptance' },
    steps: [authenticated, raw(what, (scene) => concatBytes(...records(scene)))],
    expect: refusal('ERR_AUTH', 'unexpected auth sequence', { reached: 'AUTH' }),
  };
}
