/**
 * How the target behaves when nobody does anything wrong.
 * @module
 */
import { isAllZero } from '../../../protocol/bytes.ts';
import { type AuditCase, forBoth } from '../case.ts';
import { holds, open } from '../expect.ts';
import { authenticated } from '../steps.ts';

/** Cases of the group `conduct`. */
export const CONDUCT_CASES: readonly AuditCase[] = [
  ...forBoth(
    {
      name: 'handshake',
      title: 'an honest handshake, and a ping',
      why: 'Everything else rests on it.',
      source: '4.1',
      group: 'conduct',
      severity: 'high',
      steps: [authenticated],
      expect: open(),
    },
    {
      name: 'answers-pings',
      title: 'GET_SCP_QUORUMSET of a hash nobody has',
      why: 'It serves as ping: a peer that does not answer is the last to be asked for anything.',
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
      name: 'hello-is-bare',
      title: 'the target’s own HELLO has sequence 0 and no MAC',
      why: 'Both fields are zero in HELLO; what is in them otherwise may be memory that nobody was to see.',
      source: '3.7',
      group: 'conduct',
      severity: 'low',
      steps: [authenticated],
      expect: holds(
        'sequence 0 and an all-zero MAC in its HELLO',
        ({ peer }) => {
          const body = peer.received.find(({ message }) => message.type === 'HELLO')?.body ?? new Uint8Array(0);
          return isAllZero(body.subarray(4, 12)) && isAllZero(body.subarray(-32)) ? undefined : 'they are not zero';
        },
        'differs',
      ),
    },
  ),
];
