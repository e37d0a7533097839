/**
 * The rule of each field, the check that enforces it, and its section in docs/protocol.md.
 * @module
 */
import type { Check } from './checks.ts';
import type { Field } from './record.ts';

/** The rule of a field. */
export interface FieldRule {
  readonly rule: string;
  /** Heading in docs/protocol.md. */
  readonly section: string;
  /** Names of the checks that enforce it; empty if nothing checks it. */
  readonly checks: readonly string[];
}

const XDR = 'well-formed XDR';
const SIGNED = 'certificate signed by the peerID for our network';
const VERSIONS = 'overlay versions overlap';

const EVERYWHERE: Readonly<Record<string, FieldRule>> = {
  'record header': {
    rule: 'Bit 31 set, not looked at. Then the length of the body: at most 4,096 before AUTH, 16 MiB after it.',
    section: 'Records',
    checks: ['record length allowed'],
  },
  v: { rule: 'Union version, always 0.', section: 'AuthenticatedMessage', checks: [XDR] },
  type: { rule: 'Which message follows. An unknown one is refused before AUTH.', section: 'Messages', checks: [XDR] },
  sequence: {
    rule: 'How many messages with a MAC this side has sent before, from 0.',
    section: 'MAC and sequence',
    checks: ['sequence is the next'],
  },
  mac: {
    rule: 'HMAC-SHA256 with the sender’s key over sequence and message.',
    section: 'MAC and sequence',
    checks: ['MAC good'],
  },
};

const HELLO: Readonly<Record<string, FieldRule>> = {
  sequence: { rule: 'Sent as 0; the receiver ignores it.', section: 'AuthenticatedMessage', checks: [] },
  mac: { rule: 'Zeros: there is no key yet. The receiver ignores it.', section: 'HELLO', checks: [] },
  ledgerVersion: { rule: 'Newest ledger protocol the node knows. Nobody checks it.', section: 'HELLO', checks: [] },
  overlayVersion: {
    rule: 'Newest overlay version spoken. The maximum comes first. Both ranges must overlap.',
    section: 'Overlay versions',
    checks: [VERSIONS],
  },
  overlayMinVersion: {
    rule: 'Oldest overlay version spoken, not above the newest. Both ranges must overlap.',
    section: 'Overlay versions',
    checks: [VERSIONS],
  },
  networkID: { rule: 'SHA-256 of the passphrase, the same on both sides.', section: 'On HELLO', checks: ['networkID equal'] },
  'versionStr.length': { rule: '0 to 100 bytes.', section: 'HELLO', checks: [XDR] },
  versionStr: { rule: 'Free text, any bytes. Nobody checks it.', section: 'HELLO', checks: [] },
  'versionStr.padding': { rule: 'Zeros up to a multiple of 4.', section: 'XDR', checks: [XDR] },
  listeningPort: { rule: 'A signed integer from 1 to 65535.', section: 'On HELLO', checks: ['listeningPort from 1 to 65535'] },
  'peerID.type': { rule: '0, ed25519; nothing else exists.', section: 'HELLO', checks: [XDR] },
  peerID: {
    rule: 'The ed25519 key that signed the certificate; not banned, not the receiver’s own, not connected already.',
    section: 'Identity and ECDH key',
    checks: [SIGNED, 'peerID as expected', 'peerID not banned', 'peerID not our own', 'no other connection with this peerID'],
  },
  'cert.pubkey': {
    rule: 'An X25519 key that the signature covers, and not of small order.',
    section: 'AuthCert',
    checks: [SIGNED, 'X25519 key not of small order'],
  },
  'cert.expiration': {
    rule: 'Unix seconds, covered by the signature, not past by the receiver’s clock.',
    section: 'AuthCert',
    checks: ['certificate not expired', SIGNED],
  },
  'cert.sig.length': { rule: '64. Less decodes, but never verifies.', section: 'AuthCert', checks: [XDR, SIGNED] },
  'cert.sig': {
    rule: 'ed25519 of SHA-256(networkID || 3 || expiration || pubkey), strictly verified.',
    section: 'AuthCert',
    checks: [SIGNED],
  },
  nonce: {
    rule: '32 new random bytes. Nobody can check that; a changed one gives other MAC keys, and AUTH fails.',
    section: 'Shared key and MAC keys',
    checks: [],
  },
};

const AUTH: Readonly<Record<string, FieldRule>> = {
  flags: { rule: '200: flow control in bytes.', section: 'On AUTH', checks: ['flags 200'] },
};

const ERROR: Readonly<Record<string, FieldRule>> = {
  sequence: { rule: '0; an ERROR_MSG is not counted.', section: 'ERROR_MSG', checks: [] },
  mac: { rule: 'Zeros: an ERROR_MSG is not authenticated. Anyone on the path can say it.', section: 'ERROR_MSG', checks: [] },
  code: { rule: 'Which kind of error; an unknown number is tolerated.', section: 'ERROR_MSG', checks: [] },
  'msg.length': { rule: '0 to 100 bytes.', section: 'ERROR_MSG', checks: [XDR] },
  msg: { rule: 'The reason, as text. Never trusted.', section: 'ERROR_MSG', checks: [] },
};

const BY_TYPE: Readonly<Record<string, Readonly<Record<string, FieldRule>> | undefined>> = { HELLO, AUTH, ERROR_MSG: ERROR };
const SECTION_BY_TYPE: Readonly<Record<string, string | undefined>> = {
  PEERS: 'PEERS',
  SEND_MORE: 'Flow control',
  SEND_MORE_EXTENDED: 'Flow control',
  FLOOD_ADVERT: 'Flow control',
  FLOOD_DEMAND: 'Flow control',
  GET_SCP_QUORUMSET: 'Pings and queries',
  DONT_HAVE: 'Pings and queries',
};

/** The rule of a field in a message of this type. */
export function ruleOf(type: string, { path, type: xdrType }: Field): FieldRule {
  const own = BY_TYPE[type]?.[path] ?? EVERYWHERE[path];
  if (own !== undefined) return own;
  const rule = xdrType === 'not well-formed' ? 'A complete message of a known type, with no bytes after it.' : `XDR ${xdrType}.`;
  return { rule, section: SECTION_BY_TYPE[type] ?? 'XDR', checks: [XDR] };
}

/** Whether a field follows its rule, by the checks that enforce it. */
export type FieldVerdict = 'ok' | 'failed' | 'unverified' | 'unchecked' | 'not reached';

/** The result of the checks for a field. */
export function verdictOf({ checks: names }: FieldRule, checks: readonly Check[]): FieldVerdict {
  const seen = checks.filter(({ name }) => names.includes(name));
  if (seen.some(({ state }) => state === 'failed')) return 'failed';
  if (names.length === 0) return 'unchecked';
  if (seen.length === 0 || seen.some(({ state }) => state === 'skipped')) return 'not reached';
  return seen.some(({ state }) => state === 'unverified') ? 'unverified' : 'ok';
}
