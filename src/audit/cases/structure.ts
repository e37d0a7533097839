/**
 * XDR: bytes that are not a message, and unusual ones that are (protocol.md section 2).
 * @module
 */
import { concatBytes, utf8Encode } from '../../protocol/bytes.ts';
import { MESSAGE_TYPES } from '../../protocol/wire/messages.ts';
import { XdrWriter } from '../../protocol/xdr/writer.ts';
import { type AuditCase, type CaseSpec, forBoth, forInitiator } from '../case.ts';
import { drop, type EndOptions, type Expectation, open, refusal } from '../expect.ts';
import type { Scene } from '../scene.ts';
import { authenticated, connected, frame, greeted, hello, raw, type Step, sends, sendsBody } from '../steps.ts';

/** XDR of a StellarMessage from its parts: numbers are 32 bits, arrays are bytes. */
export function xdr(...parts: readonly (number | Uint8Array)[]): Uint8Array {
  const writer = new XdrWriter();
  for (const part of parts) {
    if (typeof part === 'number') writer.uint32(part);
    else writer.opaque(part);
  }
  return writer.take();
}

/** A record body around a message: version 0, sequence 0, no MAC. */
function body(message: Uint8Array): Uint8Array {
  return concatBytes(new Uint8Array(12), message, new Uint8Array(32));
}

/** The body of an honest HELLO of ours. */
function helloBody({ peer: { mock, honestHello } }: Scene): Uint8Array {
  return mock.helloRecord(honestHello).subarray(4);
}

/** The record of a sealed ping. */
function pingRecord({ peer: { mock }, random }: Scene): Uint8Array {
  return mock.seal(mock.record({ type: 'GET_SCP_QUORUMSET', qSetHash: random(32) }));
}

const corrupt = (options: EndOptions): Expectation => refusal('ERR_DATA', 'received corrupt XDR', options);

const STRICT = {
  why: 'An implementation that accepts malformed input uses unchecked bytes, or reads another message than its peer sent.',
  source: '2.1',
  group: 'structure',
  severity: 'high',
} as const;

/** A first record that is not a message. */
function malformedFirst(name: string, title: string, sent: Step): CaseSpec {
  return { name, title, ...STRICT, steps: [connected, sent], expect: corrupt({ reached: 'nothing' }) };
}

/** A record after AUTH that is not a message, with a good sequence and MAC. */
function malformed(
  name: string,
  title: string,
  message: Uint8Array | ((scene: Scene) => Uint8Array),
  why: string = STRICT.why,
): CaseSpec {
  const made = (scene: Scene): Uint8Array => body(typeof message === 'function' ? message(scene) : message);
  return {
    ...{ name, title: `after AUTH, ${title}`, ...STRICT, why },
    steps: [authenticated, sendsBody(`${title}, sealed`, made)],
    expect: corrupt({ reached: 'AUTH' }),
  };
}

/** A valid but unusual message after AUTH. */
function odd(name: string, title: string, message: Uint8Array, why: string, expect: Expectation = open()): CaseSpec {
  return {
    ...{ name, title: `after AUTH, ${title}`, why, source: '2.1', group: 'structure', severity: 'medium' },
    steps: [authenticated, sends(title, message)],
    expect,
  };
}

/** ERROR_MSG with any bytes as its text. */
function errorMessage(code: number, text: Uint8Array): Uint8Array {
  return xdr(MESSAGE_TYPES.ERROR_MSG, code, text.length, text);
}

/** ERROR_MSG in one of the states: the target closes and sends nothing. */
function error(
  name: string,
  title: string,
  before: Step,
  reached: EndOptions['reached'],
  message: Uint8Array,
  mac = 0,
): CaseSpec {
  return {
    ...{ name, title, source: '4.6', group: 'structure', severity: 'medium' },
    why: 'ERROR_MSG ends a connection in any state, without a MAC and without an answer. Answers to errors could repeat without end.',
    steps: [before, raw(title, frame(concatBytes(body(message).subarray(0, -32), new Uint8Array(32).fill(mac))))],
    expect: drop({ ...(reached && { reached }) }),
  };
}

const zeros = new Uint8Array(32);
const nodeID = concatBytes(new Uint8Array(4), new Uint8Array(32).fill(3));

/** A PREPARE whose `prepared` has this optional flag, and an ENVELOPE with this statement type. */
function scpMessage(statementType: number, optionalFlag: number): Uint8Array {
  const pledges =
    statementType === 0 ? xdr(0, zeros, 1, 0, optionalFlag, 0, 0, 0) : xdr(statementType, zeros, 1, 0, optionalFlag, 0, 0, 0);
  return concatBytes(xdr(MESSAGE_TYPES.SCP_MESSAGE), nodeID, new Uint8Array(8), pledges, xdr(0));
}

/** A chain of nested quorum sets of this depth. */
function nestedQuorumSet(levels: number): Uint8Array {
  const words = new Uint8Array(12 * levels);
  const view = new DataView(words.buffer);
  for (let level = 0; level < levels; level++) {
    view.setUint32(12 * level, 1);
    view.setUint32(12 * level + 8, level === levels - 1 ? 0 : 1);
  }
  return concatBytes(xdr(MESSAGE_TYPES.SCP_QUORUMSET), words);
}

const surveyResponse = (length: number): Uint8Array =>
  concatBytes(
    xdr(MESSAGE_TYPES.TIME_SLICED_SURVEY_RESPONSE, 0),
    nodeID,
    nodeID,
    xdr(1, 1, length, new Uint8Array(length)),
    xdr(0),
  );

/** Cases of the group `structure`. */
export const STRUCTURE_CASES: readonly AuditCase[] = [
  ...forBoth(
    malformedFirst('record-of-2-bytes', 'a record of 2 bytes', raw('a record of 2 bytes', frame(new Uint8Array(2)))),
    malformedFirst('record-of-4-bytes', 'a record of 4 bytes', raw('a record of 4 bytes', frame(new Uint8Array(4)))),
    malformedFirst(
      'record-of-44-bytes',
      'a record of 44 bytes: an envelope with no message in it',
      raw('a record of 44 bytes', frame(new Uint8Array(44))),
    ),
    malformedFirst(
      'length-not-a-multiple-of-4',
      'HELLO with one byte more',
      sendsBody('HELLO and a byte', (scene) => concatBytes(helloBody(scene), new Uint8Array(1))),
    ),
    malformedFirst(
      'trailing-word',
      'HELLO with four bytes more',
      sendsBody('HELLO and a word', (scene) => concatBytes(helloBody(scene), new Uint8Array(4))),
    ),
    malformedFirst(
      'truncated',
      'HELLO without its last 36 bytes, in a record of that length',
      sendsBody('HELLO without its last 36 bytes', (scene) => helloBody(scene).subarray(0, -36)),
    ),
    malformedFirst(
      'union-version-1',
      'HELLO in an AuthenticatedMessage of version 1',
      hello('union version 1', {}, (record) => {
        record[7] = 1;
        return record;
      }),
    ),
    malformedFirst(
      'version-str-101',
      'HELLO with a version text of 101 bytes',
      sendsBody('HELLO with a version text of 101 bytes', (scene) => {
        const whole = helloBody(scene);
        const length = new DataView(whole.buffer, whole.byteOffset).getUint32(60);
        const rest = whole.subarray(64 + ((length + 3) & ~3));
        return concatBytes(whole.subarray(0, 60), xdr(101, new Uint8Array(101).fill(0x76)), rest);
      }),
    ),
    malformedFirst(
      'padding-not-zero',
      'HELLO whose version text is padded with ones',
      hello('versionStr “abc” padded with 01', { versionStr: 'abc' }, (record) => {
        record[71] = 1;
        return record;
      }),
    ),
    malformedFirst(
      'peer-id-key-type-1',
      'HELLO whose peerID has key type 1',
      hello('peerID of key type 1', { versionStr: 'abcd' }, (record) => {
        record[79] = 1;
        return record;
      }),
    ),
    ...([1, 4, 14, 15, 25, -1] as const).map((type) =>
      malformedFirst(
        `type-${String(type).replace('-', 'minus-')}`,
        `a message of type ${type} before HELLO`,
        sendsBody(`a message of type ${type}`, body(xdr(type))),
      ),
    ),
    malformed('auth-trailing-word-after-auth', 'AUTH with four bytes more', xdr(MESSAGE_TYPES.AUTH, 200, 0)),
    malformed('send-more-extended-truncated', 'SEND_MORE_EXTENDED without its bytes', xdr(MESSAGE_TYPES.SEND_MORE_EXTENDED, 1)),
    malformed(
      'advert-of-1001',
      'FLOOD_ADVERT of 1,001 hashes',
      xdr(MESSAGE_TYPES.FLOOD_ADVERT, 1001, new Uint8Array(32 * 1001)),
      'The type allows at most 1,000 hashes. A count is checked against this maximum and against the bytes present.',
    ),
    {
      ...malformed(
        'advert-count-largest',
        'FLOOD_ADVERT that claims 2^32 - 1 hashes and has none',
        xdr(MESSAGE_TYPES.FLOOD_ADVERT, 0xffffffff),
        'A count is only a claim. If the target allocates memory for it, one record can use all memory.',
      ),
      severity: 'critical',
      threat: 'unbounded buffering',
    },
    {
      ...malformed(
        'quorum-set-count-largest',
        'SCP_QUORUMSET that claims 2^32 - 1 validators and has none',
        xdr(MESSAGE_TYPES.SCP_QUORUMSET, 1, 0xffffffff),
        'This type has no maximum: only the bytes present limit the count.',
      ),
      severity: 'critical',
      threat: 'unbounded buffering',
    },
    {
      ...malformed(
        'quorum-set-2000-deep',
        'SCP_QUORUMSET nested 2,000 levels deep',
        nestedQuorumSet(2000),
        'Quorum sets nest: without a limit, one record exhausts the stack.',
      ),
      severity: 'medium',
    },
    malformed('optional-flag-2', 'SCP_MESSAGE with an optional flag of 2', scpMessage(0, 2)),
    malformed('statement-type-4', 'SCP_MESSAGE with a statement of type 4', scpMessage(4, 0)),
    malformed('survey-response-64001', 'a survey response with a body of 64,001 bytes', surveyResponse(64_001)),
    malformed('error-text-101', 'ERROR_MSG with a text of 101 bytes', errorMessage(0, new Uint8Array(101).fill(0x61))),
    ...([4, 14, 99] as const).map((type): CaseSpec => {
      const spec = malformed(
        `type-${type}-after-auth`,
        `a message of type ${type}`,
        xdr(type),
        'This message does not exist in stellar-core, which refuses it. Accepting it is harmless if its MAC is checked.',
      );
      return { ...spec, severity: 'low', expect: corrupt({ reached: 'AUTH', orOpen: true }) };
    }),
    {
      ...STRICT,
      name: 'malformed-and-wrongly-maced',
      title: 'after AUTH, a record that is malformed and has a wrong MAC',
      why: 'The structure is checked before sequence and MAC. The answer shows which code reads unauthenticated bytes first.',
      source: '3.7',
      severity: 'low',
      steps: [
        authenticated,
        raw('a ping with four bytes more and no MAC', (scene) =>
          frame(concatBytes(pingRecord(scene).subarray(4, -32), new Uint8Array(36))),
        ),
      ],
      expect: corrupt({ reached: 'AUTH' }),
    },
    {
      ...STRICT,
      name: 'unknown-type-wrongly-maced',
      title: 'after AUTH, a message of type 99 without a MAC',
      why: 'A target that accepts unknown types must still authenticate their sender.',
      source: '3.7',
      severity: 'critical',
      threat: 'unauthenticated acceptance',
      steps: [authenticated, raw('a message of type 99 without a MAC', frame(body(xdr(99))))],
      expect: refusal('ERR_DATA', 'received corrupt XDR', { reached: 'AUTH' }),
    },
    {
      ...STRICT,
      name: 'malformed-auth',
      title: 'AUTH with four bytes more',
      steps: [greeted, sendsBody('AUTH and a word, sealed', body(xdr(MESSAGE_TYPES.AUTH, 200, 0)))],
      expect: corrupt({ reached: 'HELLO' }),
    },
    error(
      'error-before-hello',
      'ERROR_MSG before HELLO',
      connected,
      'nothing',
      errorMessage(2, utf8Encode('wrong protocol version')),
    ),
    error('error-after-hello', 'ERROR_MSG after HELLO', greeted, 'HELLO', errorMessage(3, utf8Encode('unexpected MAC'))),
    error('error-after-auth', 'ERROR_MSG after AUTH', authenticated, 'AUTH', errorMessage(4, utf8Encode('peer rejected'))),
    error(
      'error-with-garbage-mac',
      'ERROR_MSG after AUTH, with a garbage MAC',
      authenticated,
      'AUTH',
      errorMessage(0, utf8Encode('shutdown')),
      0xa5,
    ),
    error(
      'error-with-control-bytes',
      'ERROR_MSG with control bytes in its text',
      greeted,
      'HELLO',
      errorMessage(0, Uint8Array.of(0x1b, 0x5b, 0x32, 0x4a, 0x0a, 0x0d, 0x00, 0xff)),
    ),
    error(
      'error-text-100',
      'ERROR_MSG with a text of 100 bytes',
      authenticated,
      'AUTH',
      errorMessage(0, new Uint8Array(100).fill(0x61)),
    ),
    error('error-code-99', 'ERROR_MSG with code 99', authenticated, 'AUTH', errorMessage(99, utf8Encode('from the future'))),
    odd(
      'dont-have-type-99',
      'DONT_HAVE of type 99',
      xdr(MESSAGE_TYPES.DONT_HAVE, 99, zeros),
      'The type is not a union discriminant: stellar-core accepts any number, and ignores it. Refusing it is strict and harmless.',
      open(['ERR_DATA']),
    ),
    odd(
      'quorum-set-50-deep',
      'SCP_QUORUMSET nested 50 levels deep',
      nestedQuorumSet(50),
      'The limit is far above real sets, and no node must keep such a set.',
    ),
    odd(
      'quorum-set-insane',
      'SCP_QUORUMSET of threshold 0, unasked',
      xdr(MESSAGE_TYPES.SCP_QUORUMSET, 0, 0, 0),
      'A message that was not requested is ignored; it is not a fault.',
    ),
    odd(
      'tx-set-unasked',
      'TX_SET, unasked',
      xdr(MESSAGE_TYPES.TX_SET, zeros, 0),
      'A message that was not requested is ignored; it is not a fault.',
    ),
    odd(
      'generalized-tx-set-unasked',
      'GENERALIZED_TX_SET, unasked',
      xdr(MESSAGE_TYPES.GENERALIZED_TX_SET, 1, zeros, 0),
      'A message that was not requested is ignored; it is not a fault.',
    ),
    odd(
      'scp-message-badly-signed',
      'SCP_MESSAGE of an unknown node, badly signed, for an old slot',
      concatBytes(xdr(MESSAGE_TYPES.SCP_MESSAGE), nodeID, xdr(0, 1), xdr(2, 1, 0, 1, zeros), xdr(64, new Uint8Array(64))),
      'A peer passes on messages of others: their faults are not its own.',
    ),
    odd(
      'transaction-invalid',
      'TRANSACTION without operation and signature',
      xdr(MESSAGE_TYPES.TRANSACTION, 2, 0, new Uint8Array(32).fill(3), 100, 0, 1, 0, 0, 0, 0, 0),
      'An invalid transaction is ignored: the peer may not know that it is invalid.',
    ),
    odd(
      'survey-of-a-stranger',
      'a survey started by an unknown key, badly signed',
      concatBytes(xdr(MESSAGE_TYPES.TIME_SLICED_SURVEY_START_COLLECTING, 64, new Uint8Array(64)), nodeID, xdr(1, 1)),
      'Surveys of unknown nodes are ignored before their signature is checked.',
    ),
    odd(
      'dont-have-unasked',
      'DONT_HAVE for something that was not requested',
      xdr(MESSAGE_TYPES.DONT_HAVE, 10, zeros),
      'A late answer is not a fault.',
    ),
  ),
  ...forInitiator(
    malformed('peers-of-101', 'PEERS of 101 addresses', xdr(MESSAGE_TYPES.PEERS, 101, new Uint8Array(16 * 101))),
    malformed('peers-ip-type-2', 'PEERS with an address of type 2', xdr(MESSAGE_TYPES.PEERS, 1, 2, 0, 11625, 0)),
  ),
];
