/**
 * One line of text for a message: which node, what, and which ledger.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import { formatTarget } from '../net/target.ts';
import { isAllZero, toHex } from '../protocol/bytes.ts';
import { readStellarValue } from '../protocol/scp/stellar-value.ts';
import type { ReceivedMessage } from '../protocol/wire/authenticated-message.ts';
import type { PeerAddress, SCPPledges, SCPQuorumSet, SCPStatement } from '../protocol/wire/messages.ts';
import { messageTypeName } from '../protocol/wire/messages.ts';

/** Number of addresses of a PEERS that are shown. */
const SHOWN_PEERS = 3;
/** Width of the longest type except those of surveys. The rest of the line is aligned to it. */
const TYPE_WIDTH = 'GENERALIZED_TX_SET'.length;
/** Width of the longest kind of SCP statement. */
const PLEDGES_WIDTH = 'EXTERNALIZE'.length;

/** The type of a message, padded to the width of the usual types. For an unknown type it includes the number. */
export function typeColumn(message: ReceivedMessage): string {
  const type = message.type === 'UNKNOWN' ? `UNKNOWN ${message.typeNumber | 0}` : message.type;
  return type.padEnd(TYPE_WIDTH);
}

/**
 * The content of the message, without its type.
 * @param unixMs time of arrival, in milliseconds since 1970: times of the same day are shown without their date
 */
export function describeMessage(message: ReceivedMessage, unixMs: number): string {
  switch (message.type) {
    case 'SCP_MESSAGE':
      return describeStatement(message.envelope.statement, unixMs);
    case 'SCP_QUORUMSET':
      return `${hashOf(message.xdr.subarray(4))} ${describeQuorumSet(message.qSet)}`;
    case 'FLOOD_ADVERT':
      return `has ${count(message.txHashes.length, 'transaction')}${listed(message.txHashes)}`;
    case 'FLOOD_DEMAND':
      return `wants ${count(message.txHashes.length, 'transaction')}${listed(message.txHashes)}`;
    case 'TRANSACTION':
      return `${hashOf(message.transaction)} ${bytes(message.transaction)}`;
    case 'TX_SET':
      return `${bytes(message.txSet)} (the form before ledger protocol 20)`;
    case 'GENERALIZED_TX_SET':
      return `${hashOf(message.generalizedTxSet)} ${bytes(message.generalizedTxSet)}`;
    case 'PEERS':
      return describePeers(message.peers);
    case 'DONT_HAVE':
      return `${message.reqType} ${shortHash(message.reqHash)}`;
    case 'GET_TX_SET':
      return shortHash(message.txSetHash);
    case 'GET_SCP_QUORUMSET':
      // A ping of stellar-core: eight random bytes and zeros (protocol.md section 6.4).
      return `${shortHash(message.qSetHash)}${isAllZero(message.qSetHash.subarray(8)) ? ' (a ping)' : ''}`;
    case 'GET_SCP_STATE':
      return message.ledgerSeq === 0 ? 'of the latest ledgers' : `from ledger ${message.ledgerSeq} on`;
    case 'TIME_SLICED_SURVEY_START_COLLECTING':
      return describeSurvey(message.startCollecting);
    case 'TIME_SLICED_SURVEY_STOP_COLLECTING':
      return describeSurvey(message.stopCollecting);
    case 'TIME_SLICED_SURVEY_REQUEST': {
      const { surveyorPeerID, surveyedPeerID, ledgerNum, nonce } = message.request;
      return `${shortID(surveyorPeerID)} asks ${shortID(surveyedPeerID)}, ledger ${ledgerNum}, survey ${nonce}`;
    }
    case 'TIME_SLICED_SURVEY_RESPONSE': {
      const { surveyorPeerID, surveyedPeerID, ledgerNum, nonce, encryptedBody } = message.response;
      const sealed = `${bytes(encryptedBody)} sealed`;
      return `${shortID(surveyedPeerID)} answers ${shortID(surveyorPeerID)}, ledger ${ledgerNum}, survey ${nonce}, ${sealed}`;
    }
    case 'UNKNOWN':
      return `${bytes(message.xdr)}, ${whyUnknown(message.typeNumber)}`;
    default:
      // A message type without its own sentence: show its fields.
      return describeFields(message);
  }
}

/** Why a message was not decoded. */
export function whyUnknown(typeNumber: number): string {
  const name = messageTypeName(typeNumber | 0);
  return name === undefined ? 'of a type that this version does not know' : `${name} larger than any node takes`;
}

/** Names and values of a message's fields, without its type. */
function describeFields(message: object): string {
  return Object.entries(message)
    .filter(([name]) => name !== 'type' && name !== 'xdr')
    .map(([name, value]) => `${name} ${value instanceof Uint8Array ? shortHash(value) : String(value)}`)
    .join(', ');
}

/** The first five characters of a node ID, as in stellar-core's log. */
function shortID(peerID: string): string {
  return `${peerID.slice(0, 5)}…`;
}

/** The first six digits of a hash, as in stellar-core's log. */
function shortHash(hash: Uint8Array): string {
  return `${toHex(hash.subarray(0, 3))}…`;
}

/** The hash by which a transaction, a tx set or a quorum set is requested: SHA-256 of its XDR. */
function hashOf(xdr: Uint8Array): string {
  return shortHash(nodeCrypto.sha256(xdr));
}

function describeStatement({ nodeID, slotIndex, pledges }: SCPStatement, unixMs: number): string {
  const kind = pledges.type.slice('SCP_ST_'.length).padEnd(PLEDGES_WIDTH);
  return `${shortID(nodeID)} ledger ${slotIndex} ${kind} ${describePledges(pledges, unixMs)}`;
}

function describePledges(pledges: SCPPledges, unixMs: number): string {
  switch (pledges.type) {
    case 'SCP_ST_PREPARE': {
      const { ballot, prepared, nC, nH } = pledges;
      const parts = [
        `ballot ${ballot.counter}`,
        ...(prepared === null ? [] : [`prepared ${prepared.counter}`]),
        // 0 means that there is no such ballot yet.
        ...(nC === 0 ? [] : [`nC ${nC}`]),
        ...(nH === 0 ? [] : [`nH ${nH}`]),
      ];
      return `${parts.join(', ')}, ${describeValue(ballot.value, unixMs)}`;
    }
    case 'SCP_ST_CONFIRM': {
      const { ballot, nCommit, nH } = pledges;
      return `ballot ${ballot.counter}, nCommit ${nCommit}, nH ${nH}, ${describeValue(ballot.value, unixMs)}`;
    }
    case 'SCP_ST_EXTERNALIZE':
      return `ballot ${pledges.commit.counter}, ${describeValue(pledges.commit.value, unixMs)}`;
    case 'SCP_ST_NOMINATE': {
      const { votes, accepted } = pledges;
      const first = accepted[0] ?? votes[0];
      const counts = `${count(votes.length, 'vote')}, ${accepted.length} accepted`;
      return first === undefined ? counts : `${counts}, ${describeValue(first, unixMs)}`;
    }
  }
}

function describeValue(value: Uint8Array, unixMs: number): string {
  const decoded = readStellarValue(value);
  if (decoded === undefined) return `a value of ${bytes(value)}`;
  const { closeTime, txSetHash, upgrades, ext } = decoded;
  const empty = ext.type === 'STELLAR_VALUE_EMPTY_TX_SET' ? ' (empty)' : '';
  const upgrading = upgrades.length === 0 ? '' : `, ${count(upgrades.length, 'upgrade')}`;
  return `closes ${formatTime(closeTime, unixMs)}, tx set ${shortHash(txSetHash)}${empty}${upgrading}`;
}

/** UTC time, with the date only when it differs from the date of `unixMs`. */
function formatTime(unixSeconds: bigint, unixMs: number): string {
  const date = new Date(Number(unixSeconds) * 1000);
  if (Number.isNaN(date.getTime())) return `at second ${unixSeconds}`;
  const text = date.toISOString().replace('.000Z', 'Z');
  const today = new Date(unixMs).toISOString().slice(0, 11);
  return text.startsWith(today) ? text.slice(today.length) : text;
}

function describeQuorumSet({ threshold, validators, innerSets }: SCPQuorumSet): string {
  const members = [
    ...(validators.length === 0 ? [] : [count(validators.length, 'validator')]),
    ...(innerSets.length === 0 ? [] : [count(innerSets.length, 'inner set')]),
  ];
  return `${threshold} of ${members.join(' and ') || 'nobody'}`;
}

function describePeers(peers: readonly PeerAddress[]): string {
  const shown = peers.slice(0, SHOWN_PEERS).map(({ ip, port }) => formatTarget({ host: ip, port }));
  if (peers.length === 0) return 'no addresses';
  return `${count(peers.length, 'address', 'addresses')}: ${shown.join(', ')}${peers.length > SHOWN_PEERS ? ', …' : ''}`;
}

function describeSurvey(survey: { readonly surveyorID: string; readonly nonce: number; readonly ledgerNum: number }): string {
  return `by ${shortID(survey.surveyorID)}, ledger ${survey.ledgerNum}, survey ${survey.nonce}`;
}

/** The first of the hashes, so that the same hash can be found in another line. */
function listed(hashes: readonly Uint8Array[]): string {
  const [first] = hashes;
  return first === undefined ? '' : `: ${shortHash(first)}${hashes.length > 1 ? ', …' : ''}`;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

function bytes({ length }: Uint8Array): string {
  return count(length, 'byte');
}
