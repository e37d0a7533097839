/**
 * AUTH: sequence, MAC, flags, order (protocol.md sections 3.7 and 4.5), and messages that may not come before it.
 * @module
 */
import type { StellarMessage } from '../../protocol/wire/messages.ts';
import { type AuditCase, type CaseSpec, forBoth } from '../case.ts';
import { drop, open, refusal } from '../expect.ts';
import { MAC_VARIATIONS, type MacVariation } from '../mac.ts';
import { atOnce, auth, authenticated, connected, greeted, sends } from '../steps.ts';

const zeroHash = new Uint8Array(32);

/** Messages that need the handshake, and none that a node out of sync ignores in any state. */
const EARLY: readonly StellarMessage[] = [
  { type: 'GET_SCP_STATE', ledgerSeq: 0 },
  { type: 'GET_SCP_QUORUMSET', qSetHash: zeroHash },
  { type: 'SEND_MORE_EXTENDED', numMessages: 200, numBytes: 300_000 },
  { type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: zeroHash },
  { type: 'PEERS', peers: [] },
];

const kebab = (type: string): string => type.toLowerCase().replaceAll('_', '-');

function badMac(variation: MacVariation): CaseSpec {
  return {
    name: `auth-mac-${variation}`,
    title: `AUTH with ${MAC_VARIATIONS[variation]}`,
    why: 'The MAC of AUTH is the only proof that the peer has the secret of its key. A target that accepts this accepts anyone.',
    source: '3.7',
    group: 'auth',
    severity: 'critical',
    threat: 'unauthenticated acceptance',
    steps: [greeted, auth(200, { mac: variation })],
    expect: refusal('ERR_AUTH', 'unexpected MAC', { reached: 'HELLO' }),
  };
}

function badSequence(name: string, sequence: (next: bigint) => bigint): CaseSpec {
  return {
    name: `auth-sequence-${name}`,
    title: `AUTH with sequence ${BigInt.asUintN(64, sequence(0n))} and a matching MAC`,
    why: 'AUTH has sequence 0: the first record with a MAC is number 0.',
    source: '3.7',
    group: 'auth',
    severity: 'high',
    steps: [greeted, auth(200, { sequence })],
    expect: refusal('ERR_AUTH', 'unexpected auth sequence', { reached: 'HELLO' }),
  };
}

/** Cases of the group `auth`. */
export const AUTH_CASES: readonly AuditCase[] = [
  ...forBoth(
    {
      name: 'auth-before-hello',
      title: 'AUTH before HELLO',
      why: 'There are no keys yet. A target that accepts it has skipped the checks, or uses a state that does not exist.',
      source: '4.5',
      group: 'auth',
      severity: 'critical',
      threat: 'unauthenticated acceptance',
      steps: [connected, auth()],
      expect: refusal('ERR_MISC', 'out-of-order AUTH message', { reached: 'nothing' }),
    },
    ...EARLY.map(
      (message): CaseSpec => ({
        name: `early-${kebab(message.type)}`,
        title: `${message.type} before HELLO`,
        why: 'No other message is allowed before the handshake, and a message without a verified MAC must have no effect.',
        source: '4.3',
        group: 'auth',
        severity: 'high',
        steps: [connected, sends(message.type, message)],
        expect: drop({ reached: 'nothing' }),
      }),
    ),
    ...EARLY.slice(0, 3).map(
      (message): CaseSpec => ({
        name: `between-${kebab(message.type)}`,
        title: `${message.type} between HELLO and AUTH, with a good MAC`,
        why: 'Before AUTH the peer is not authenticated, even with good MACs.',
        source: '4.3',
        group: 'auth',
        severity: 'high',
        steps: [greeted, sends(`${message.type}, sealed`, message)],
        expect: drop({ reached: 'HELLO' }),
      }),
    ),
    ...(Object.keys(MAC_VARIATIONS) as MacVariation[]).map(badMac),
    badSequence('one', () => 1n),
    badSequence('largest', () => -1n),
    {
      name: 'second-auth',
      title: 'a second AUTH, with a good MAC',
      why: 'AUTH opens the channel once: a second AUTH would reset its state.',
      source: '4.5, check 2',
      group: 'auth',
      severity: 'medium',
      steps: [authenticated, auth()],
      expect: refusal('ERR_MISC', 'out-of-order AUTH message', { reached: 'AUTH' }),
    },
    {
      name: 'pipelined-channel',
      title: 'AUTH, SEND_MORE_EXTENDED and GET_SCP_STATE in one write',
      why: 'Records are handled one at a time, each in the state after the previous one.',
      source: '4.1',
      group: 'auth',
      severity: 'high',
      steps: [
        greeted,
        atOnce(
          auth(),
          sends('SEND_MORE_EXTENDED', { type: 'SEND_MORE_EXTENDED', numMessages: 200, numBytes: 300_000 }),
          sends('GET_SCP_STATE', { type: 'GET_SCP_STATE', ledgerSeq: 0 }),
        ),
      ],
      expect: open(),
    },
  ),
  ...forBoth(
    ...([0, 1, 100, 201, -1] as const).map(
      (flags): CaseSpec => ({
        name: `auth-flags-${String(flags).replace('-', 'minus-')}`,
        title: `AUTH with flags ${flags}`,
        why: 'Flow control in bytes is mandatory, and only the flags 200 request it.',
        source: '4.5, check 5',
        group: 'auth',
        severity: 'medium',
        steps: [greeted, auth(flags)],
        expect: refusal('ERR_CONF', 'flow control bytes disabled', { reached: 'AUTH' }),
      }),
    ),
  ),
];
