/**
 * The story of a handshake as text.
 * @module
 */
import { describeAttempt } from '../net/dial-error.ts';
import { concatBytes, toHex } from '../protocol/bytes.ts';
import { MAC_BYTES, MESSAGE_OFFSET, SEQUENCE_OFFSET } from '../protocol/constants.ts';
import { adaptedRangeText } from '../protocol/handshake/overlay-range.ts';
import type { HandshakeStep } from '../protocol/handshake/steps.ts';
import { printable } from '../protocol/printable.ts';
import { encodeSecretSeed } from '../protocol/strkey.ts';
import { annotateRecord } from '../protocol/wire/annotate.ts';
import { messageTypeName } from '../protocol/wire/messages.ts';
import { XdrReader } from '../protocol/xdr/reader.ts';
import { COLUMNS, wrapped } from '../report/wrapped.ts';
import type { Story } from './explain.ts';

/** Styles for parts of the text; identity functions for plain text. */
export interface Emphasis {
  readonly heading: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly dim: (text: string) => string;
}

type Step<S extends HandshakeStep['step']> = Extract<HandshakeStep, { step: S }>;

/** With these values every line fits in 80 columns. */
const HEX_BYTES_A_LINE = 32;
const FIELD_BYTES_A_LINE = 16;
const LABEL_WIDTH = 12;
const HIDDEN = '(secret, not shown; --unsafe-show-secrets shows it)';

/** The story, line by line, printable. */
export function* storyLines(story: Story, emphasis: Emphasis): Generator<string> {
  for (const line of told(story, emphasis)) yield printable(line);
}

function* told(story: Story, emphasis: Emphasis): Generator<string> {
  const { target, network, attempts = [], steps, error, overlayRange } = story;
  const { heading, good, bad, dim } = emphasis;
  yield* wrapped(
    `Stellar overlay handshake with ${target ?? 'an embedded peer'} on ${network.name ?? 'a network of its own'} (${network.passphrase})`,
    0,
  ).map(heading);
  if (target === undefined)
    yield* wrapped('Every key below is made for this run and then thrown away, so the secrets are shown.', 0).map(dim);
  if (attempts.length > 1 || attempts.some(({ address }) => !target?.includes(address)))
    yield dim(`Dialled: ${attempts.map((attempt) => `${attempt.address} ${describeAttempt(attempt)}`).join('; ')}.`);
  yield* wrapped(
    'A is the side that dialled (we), B the side that accepted. || joins bytes, all integers are big-endian.',
    0,
  ).map(dim);

  const adapted = overlayRange && adaptedRangeText(overlayRange);
  if (adapted !== undefined) yield adapted;

  let number = 0;
  const title = (text: string): readonly string[] => ['', heading(`${++number}. ${text}`)];
  let checking = false;
  for (const step of steps) {
    switch (step.step) {
      case 'keys':
        yield* title('Seed to identity');
        yield* identityLines(step);
        yield* title('ECDH key, one per process');
        yield* bytesLines('secret', step.secrets?.ecdhSecret);
        yield* bytesLines('public', step.ecdhPublicKey, 'X25519(secret, base point 9)');
        break;
      case 'cert':
        yield* title('AuthCert: the identity vouches for the ECDH key');
        yield* certLines(step);
        break;
      case 'sent':
      case 'received': {
        const arrow = step.step === 'sent' ? 'we send' : 'the peer sends';
        yield* title(`${step.type}: ${arrow} ${step.body.length + 4} bytes`);
        yield* recordLines(step.body, dim);
        if (step.macKey !== undefined) yield* macLines(step.body, step.macKey);
        break;
      }
      case 'check':
        if (!checking) yield* ['', `   ${dim('Checked, in the order of stellar-core:')}`];
        yield* checkLines(step, emphasis);
        break;
      case 'shared-key':
        yield* title('Shared key');
        yield* bytesLines('q', step.secrets?.q, 'X25519(our secret, cert.pubkey of the peer); all zero is refused');
        yield* bytesLines('pubA', step.pubA, 'the dialler’s ECDH key, always first');
        yield* bytesLines('pubB', step.pubB);
        if (step.secrets)
          yield* bytesLines('HMAC input', concatBytes(step.secrets.q, step.pubA, step.pubB), 'q || pubA || pubB, 96 bytes');
        yield* bytesLines(
          'shared key',
          step.secrets?.sharedKey,
          'HMAC-SHA256(key = 32 zero bytes, q || pubA || pubB): HKDF-Extract',
        );
        break;
      case 'mac-keys':
        yield* title('MAC keys, new for each connection by the nonces');
        yield* bytesLines('K_AB input', step.inputAB, '00 || nonceA || nonceB || 01, 66 bytes');
        yield* bytesLines(
          'K_AB',
          step.secrets?.K_AB,
          `HMAC-SHA256(shared key, K_AB input): ${step.sendsWith === 'K_AB' ? 'we send, the peer receives' : 'the peer sends'}`,
        );
        yield* bytesLines('K_BA input', step.inputBA, '01 || nonceB || nonceA || 01, 66 bytes');
        yield* bytesLines(
          'K_BA',
          step.secrets?.K_BA,
          `HMAC-SHA256(shared key, K_BA input): ${step.sendsWith === 'K_BA' ? 'we send, the peer receives' : 'the peer sends, we receive'}`,
        );
        break;
      case 'authenticated':
        yield* title('Authenticated');
        yield `   ${good('✓')} ${step.remote.peerID} holds its keys.`;
        yield* wrapped(
          'From here on every message except ERROR_MSG has a sequence number and a MAC, and may be up to 16 MiB long. Nothing is encrypted.',
          5,
        );
        break;
    }
    checking = step.step === 'check';
  }
  if (story.next.length > 0 || story.isCut) {
    yield* title(error ? 'What came next; it ended the connection, so not all of it is the peer’s' : 'What the peer sends next');
    for (const body of story.next) yield* nextLines(body, dim);
    if (story.isCut) yield `   ${dim('… more messages follow')}`;
  }
  yield '';
  if (error) {
    yield bad(`✗ ${error.message}`);
    yield `  ${error.advice}`;
    yield dim(
      `  ${error.code}, stage ${error.stage}${error.told ? `; the peer gets ${error.told.code} “${error.told.message}”` : ''}`,
    );
  } else yield good('✓ The handshake is complete.');
}

/** Name of the message in a record body. */
export function recordType(body: Uint8Array): string {
  if (body.length < MESSAGE_OFFSET + 4) return 'MALFORMED';
  const number = new XdrReader(body, MESSAGE_OFFSET).int32();
  return messageTypeName(number) ?? `UNKNOWN (${number})`;
}

/** A check on one line if it fits, else with its detail below it. */
function* checkLines({ ok, check, detail }: Step<'check'>, { good, bad, dim }: Emphasis): Generator<string> {
  const mark = ok ? good('✓') : bad('✗');
  if (`   ✓ ${check} — ${detail}`.length <= COLUMNS) yield `   ${mark} ${check} ${dim(`— ${detail}`)}`;
  else {
    yield `   ${mark} ${check}`;
    yield* wrapped(detail, 5).map(dim);
  }
}

function* identityLines({ secrets, publicKey, peerID }: Step<'keys'>): Generator<string> {
  yield* bytesLines('seed', secrets?.seed, '32 random bytes, kept in the node’s configuration');
  if (secrets) yield labelled('as StrKey', `${encodeSecretSeed(secrets.seed)}`);
  yield* bytesLines('public key', publicKey, 'ed25519 of the seed');
  yield labelled('peerID', peerID);
  yield labelled('', '= base32(0x30 || public key || CRC16 little-endian)');
}

function* certLines({ payload, digest, cert }: Step<'cert'>): Generator<string> {
  yield* bytesLines('payload', payload, 'networkID || 00000003 (ENVELOPE_TYPE_AUTH) || expiration || ECDH public key, 76 bytes');
  yield labelled('expiration', `${cert.expiration} Unix seconds = ${new Date(Number(cert.expiration) * 1000).toISOString()}`);
  yield* bytesLines('digest', digest, 'SHA-256(payload)');
  yield* bytesLines('sig', cert.sig, 'ed25519(seed, digest)');
}

function* recordLines(body: Uint8Array, dim: Emphasis['dim']): Generator<string> {
  yield dim(`   ${'offset'.padStart(6)} ${'size'.padStart(5)}  ${'field'.padEnd(20)} value`);
  for (const { path, offset, length, type, value } of annotateRecord(body)) {
    const prefix = `   ${String(offset).padStart(6)} ${String(length).padStart(5)}  ${path.padEnd(20)} `;
    const text = type.startsWith('string') ? JSON.stringify(value) : value;
    const lines = isLongHex(text) ? chunks(text, 2 * FIELD_BYTES_A_LINE) : [text];
    const isTooLong = prefix.length + (lines[0] ?? '').length > COLUMNS;
    yield isTooLong ? prefix.trimEnd() : prefix + lines[0];
    // A key is not broken, so that it can be copied; it starts further left.
    const indent = isTooLong ? Math.max(3, COLUMNS - text.length) : prefix.length;
    for (const line of isTooLong ? lines : lines.slice(1)) yield ' '.repeat(indent) + line;
  }
}

function* macLines(body: Uint8Array, key: string): Generator<string> {
  yield* bytesLines('MAC input', body.subarray(SEQUENCE_OFFSET, body.length - MAC_BYTES), 'sequence (8 bytes) || StellarMessage');
  yield labelled('mac', `= HMAC-SHA256(${key}, MAC input)`);
}

function* nextLines(body: Uint8Array, dim: Emphasis['dim']): Generator<string> {
  const type = recordType(body);
  let all: ReturnType<typeof annotateRecord>;
  try {
    all = annotateRecord(body);
  } catch {
    // A record that the connection refused can contain anything.
    yield `   ${'MALFORMED'.padEnd(20)} ${dim(`${body.length + 4} bytes: ${toHex(body.subarray(0, 24))}${body.length > 24 ? '…' : ''}`)}`;
    return;
  }
  const fields = all.filter(({ path }) => !['v', 'type', 'mac'].includes(path));
  const shown = fields.slice(0, 6).map(({ path, value }) => `${path} ${value.slice(0, 24)}`);
  const more = fields.length > shown.length ? ' …' : '';
  const [first = '', ...rest] = wrapped(`${body.length + 4} bytes: ${shown.join(', ')}${more}`, 24);
  yield `   ${type.padEnd(20)} ${dim(first.trimStart())}`;
  yield* rest.map(dim);
}

function* bytesLines(label: string, bytes: Uint8Array | undefined, formula?: string): Generator<string> {
  const lines = bytes === undefined ? [HIDDEN] : chunks(toHex(bytes), 2 * HEX_BYTES_A_LINE);
  yield labelled(label, lines[0] ?? '');
  for (const line of lines.slice(1)) yield labelled('', line);
  if (formula !== undefined) yield* wrapped(`= ${formula}`, labelled('', '').length);
}

function labelled(label: string, text: string): string {
  return `   ${label.padEnd(LABEL_WIDTH)} ${text}`;
}

function isLongHex(text: string): boolean {
  return /^[0-9a-f]{33,}$/.test(text);
}

function chunks(text: string, size: number): string[] {
  const out: string[] = [];
  for (let i = 0; i < text.length; i += size) out.push(text.slice(i, i + size));
  return out;
}
