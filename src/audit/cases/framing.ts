/**
 * Records: headers, lengths, splits (protocol.md section 1).
 * @module
 */
import { type AuditCase, type CaseSpec, forAcceptor, forBoth } from '../case.ts';
import { drop, ends, open, type Reached, refusal } from '../expect.ts';
import { atOnce, authenticated, byteByByte, connected, fin, greeted, header, hello, raw, type Step, sends } from '../steps.ts';

const clearHighBit = (record: Uint8Array): Uint8Array => {
  const copy = record.slice();
  copy[0] = (copy[0] as number) & 0x7f;
  return copy;
};

const ping = sends('a ping', ({ random }) => ({ type: 'GET_SCP_QUORUMSET', qSetHash: random(32) }));

const INSIDE_A_RECORD = 'A connection that ends inside a record is over; a target that keeps it leaks a socket.';

/** A header that announces no body. */
function emptyRecord(name: string, title: string, before: Step, reached: Reached): CaseSpec {
  return {
    name,
    title,
    why: 'It contains no message, and a target that accepts empty records can be kept busy without cost.',
    source: '1.2',
    group: 'framing',
    severity: 'medium',
    steps: [before, header(0x80000000)],
    expect: drop({ reached }),
  };
}

/** A header that announces more than is allowed; no body follows. */
function tooLong(
  name: string,
  title: string,
  announced: number,
  { why, severity, before, reached }: Pick<CaseSpec, 'why' | 'severity'> & { readonly before: Step; readonly reached: Reached },
): CaseSpec {
  return {
    ...{ name, title, why, source: '1.2', group: 'framing', severity, threat: 'unbounded buffering' },
    steps: [before, header(announced)],
    expect: drop({ reached, isMidRecord: true }),
  };
}

/** The peer closes where it has not finished. */
function leaves(name: string, title: string, why: string, ...before: readonly Step[]): CaseSpec {
  return {
    ...{ name, title, why, source: '1.3', group: 'framing', severity: 'medium' },
    steps: [...before, fin],
    expect: ends('it closes'),
  };
}

/** Cases of the group `framing`. */
export const FRAMING_CASES: readonly AuditCase[] = [
  ...forBoth(
    emptyRecord('zero-length-record', 'a record of length 0', connected, 'nothing'),
    tooLong('oversized-header-before-auth', 'a record of 4,097 bytes is announced before AUTH', 0x80001001, {
      why: 'Before AUTH the limit is 4,096 bytes. With a larger one, unknown peers could fill the memory.',
      severity: 'high',
      before: connected,
      reached: 'nothing',
    }),
    tooLong('largest-header-before-auth', 'a record of 2^31 - 1 bytes is announced before AUTH', 0xffffffff, {
      why: 'A length is only a claim. If the target allocates memory for it, every peer can use its memory.',
      severity: 'critical',
      before: connected,
      reached: 'nothing',
    }),
    {
      name: 'full-size-record-before-auth',
      title: 'a record of 4,096 zero bytes before AUTH',
      why: '4,096 bytes are allowed; the complete record is then checked by its content.',
      source: '1.2',
      group: 'framing',
      severity: 'low',
      steps: [connected, header(0x80001000), raw('4,096 bytes of zero', new Uint8Array(4096))],
      expect: refusal('ERR_DATA', 'received corrupt XDR', { reached: 'nothing' }),
    },
    {
      name: 'no-high-bit-before-auth',
      title: 'HELLO in a record whose “last fragment” bit is clear',
      why: 'The bit is ignored on receipt: well-known clients leave it clear.',
      source: '1.1',
      group: 'framing',
      severity: 'high',
      steps: [connected, hello('its record’s high bit is clear', {}, clearHighBit)],
      expect: open(),
    },
    {
      name: 'hello-byte-by-byte',
      title: 'HELLO, one byte at a time',
      why: 'TCP is a stream: the division into segments has no meaning.',
      source: '1.1',
      group: 'framing',
      severity: 'high',
      steps: [connected, byteByByte(hello('correct', {}))],
      expect: open(),
    },
    leaves(
      'half-a-header-then-fin',
      'half of a header, then FIN',
      INSIDE_A_RECORD,
      connected,
      raw('2 bytes of a header', Uint8Array.of(0x80, 0)),
    ),
    leaves(
      'half-a-body-then-fin',
      'half of a record’s body, then FIN',
      INSIDE_A_RECORD,
      connected,
      header(0x80000034),
      raw('8 bytes of its body', new Uint8Array(8)),
    ),
    {
      name: 'medium-record-after-auth',
      title: 'a record of 5,000 bytes after AUTH',
      why: 'After AUTH the limit is 16 MiB: with the small limit, a target could not receive transaction sets.',
      source: '1.2',
      group: 'framing',
      severity: 'high',
      steps: [authenticated, header(0x80001388), raw('5,000 bytes of zero', new Uint8Array(5000))],
      expect: refusal('ERR_DATA', 'received corrupt XDR', { reached: 'AUTH' }),
    },
    tooLong('oversized-header-after-auth', 'a record of 16 MiB and one byte is announced after AUTH', 0x81000001, {
      why: 'An authenticated peer is not trusted either: its records have a limit.',
      severity: 'high',
      before: authenticated,
      reached: 'AUTH',
    }),
    emptyRecord('zero-length-record-after-auth', 'a record of length 0 after AUTH', authenticated, 'AUTH'),
    {
      name: 'no-high-bit-after-auth',
      title: 'a message after AUTH in a record whose “last fragment” bit is clear',
      why: 'The bit is ignored on receipt: well-known clients leave it clear.',
      source: '1.1',
      group: 'framing',
      severity: 'high',
      steps: [
        authenticated,
        raw('a ping in a record whose high bit is clear', ({ peer: { mock }, random }) =>
          clearHighBit(mock.seal(mock.record({ type: 'GET_SCP_QUORUMSET', qSetHash: random(32) }))),
        ),
      ],
      expect: open(),
    },
    {
      name: 'fragmented-record',
      title: 'one message split over two records, the first with a clear high bit',
      why: 'There is no fragmentation: each record is a whole message.',
      source: '1.1',
      group: 'framing',
      severity: 'medium',
      steps: [
        authenticated,
        raw('a ping, cut into two records', ({ peer: { mock }, random }) => {
          const body = mock.seal(mock.record({ type: 'GET_SCP_QUORUMSET', qSetHash: random(32) })).subarray(4);
          const first = Uint8Array.of(0, 0, 0, 40, ...body.subarray(0, 40));
          return Uint8Array.of(...first, 0x80, 0, 0, body.length - 40, ...body.subarray(40));
        }),
      ],
      expect: refusal('ERR_DATA', 'received corrupt XDR', { reached: 'AUTH' }),
    },
    {
      name: 'many-records-at-once',
      title: 'fifty pings in one write',
      why: 'Records are handled one at a time, even when many come in one read, and none is lost.',
      source: '4.10',
      group: 'framing',
      severity: 'high',
      steps: [authenticated, atOnce(...Array.from({ length: 50 }, () => ping))],
      expect: open(),
    },
  ),
  ...forAcceptor({
    name: 'garbage',
    title: 'bytes of another protocol: an HTTP request',
    why: 'Port scanners send such bytes; the first four announce 1.2 GB.',
    source: '1.2',
    group: 'framing',
    severity: 'critical',
    threat: 'unbounded buffering',
    steps: [raw('GET / HTTP/1.1', new TextEncoder().encode('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))],
    expect: drop({ reached: 'nothing', isMidRecord: true }),
  }),
  ...forAcceptor(
    leaves(
      'half-a-handshake-then-fin',
      'HELLO, then FIN instead of AUTH',
      'Peers may give up during a handshake: their connections must be closed.',
      greeted,
    ),
  ),
];
