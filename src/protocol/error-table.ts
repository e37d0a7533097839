/**
 * Everything that can go wrong, as data: what it means, what the peer is told about it, what stellar-core calls it, and
 * what to do. One long table, so that it can be read at once; `docs/errors.md` is made from it.
 * @module
 */

/** Part of a connection's life, in order. `hello` lasts until the peer's HELLO is accepted, `auth` until its AUTH is. */
export type Stage = 'dns' | 'tcp' | 'hello' | 'auth' | 'channel';

/** Codes of ERROR_MSG by name (Stellar-overlay.x ErrorCode). */
export const ERROR_CODES = { ERR_MISC: 0, ERR_DATA: 1, ERR_CONF: 2, ERR_AUTH: 3, ERR_LOAD: 4 } as const satisfies Record<
  string,
  number
>;
/** Name of an ERROR_MSG code. */
export type ErrorCodeName = keyof typeof ERROR_CODES;

/** One row of the table. */
export interface ErrorInfo {
  /** Short stable name of the cause, for machines (`cause` in JSON output). */
  readonly cause: string;
  /** What happened, one sentence. */
  readonly summary: string;
  /** The ERROR_MSG sent to the peer; null is a silent drop, undefined means there is nobody to tell. */
  readonly told?: readonly [code: ErrorCodeName, text: string] | null;
  /** What stellar-core writes in its log for the same event, where it has one. */
  readonly dropReason?: string;
  /** What to do about it, one sentence. */
  readonly advice: string;
  /** Where the same event means something else: cause and advice by stage. */
  readonly byStage?: Readonly<Partial<Record<Stage, Pick<ErrorInfo, 'cause' | 'advice'>>>>;
}

const CERT_ADVICE =
  'Check that both sides use the same network passphrase and that no one sits between you and the peer; a node of another network fails here.';
const BUG_ADVICE =
  'The peer or something between you and it breaks the protocol: record the connection and report it to the maintainers of the peer.';

const TABLE = {
  // Before there is a peer to talk to.
  OVERLAY_NAME_NOT_FOUND: {
    cause: 'name-not-found',
    summary: 'The host name has no address.',
    advice: 'Check the spelling of the host name and that this machine can resolve names.',
  },
  OVERLAY_NAME_LOOKUP_TIMEOUT: {
    cause: 'name-lookup-timeout',
    summary: 'No resolver answered for the host name in time; nothing was dialled.',
    advice:
      'Check the name servers of this machine (/etc/resolv.conf) and the way to them, or dial the IP address of the node instead of its name.',
  },
  OVERLAY_NAME_LOOKUP_FAILED: {
    cause: 'name-lookup-failed',
    summary: 'The resolver could not tell whether the host name has an address; nothing was dialled.',
    advice:
      'Check the name servers of this machine (/etc/resolv.conf) and those of the domain, and try again; or dial the IP address of the node instead of its name.',
  },
  OVERLAY_TOO_MANY_OPEN_FILES: {
    cause: 'too-many-open-files',
    summary: 'This machine had no file descriptor left for a socket; nothing was dialled.',
    advice: 'Raise the limit of this machine (ulimit -n), or open fewer connections at the same moment.',
  },
  OVERLAY_CONNECTION_REFUSED: {
    cause: 'connection-refused',
    summary: 'The host answered that nothing listens on this port.',
    advice: 'Check that the node runs, that PEER_PORT is the port you dial, and that no firewall rejects it.',
  },
  OVERLAY_UNREACHABLE: {
    cause: 'unreachable',
    summary: 'There is no way to the host.',
    advice:
      'Check the firewall of the host first, which has to let inbound TCP to the peer port pass (firewalld’s default REJECT makes a host look unreachable); then the address, this machine’s network and the route to the host.',
  },
  OVERLAY_CONNECT_TIMEOUT: {
    cause: 'connect-timeout',
    summary: 'The TCP connection was not answered in time.',
    advice: 'A firewall most likely drops the packets: open the node’s peer port for inbound TCP, or raise the timeout.',
  },
  OVERLAY_LISTEN_FAILED: {
    cause: 'listen-failed',
    summary: 'The address could not be listened on.',
    advice: 'Choose a free port and an address of this machine; ports below 1024 need privileges.',
  },

  // Silence.
  OVERLAY_HANDSHAKE_TIMEOUT: {
    cause: 'handshake-timeout',
    summary: 'The handshake did not finish in time.',
    told: null,
    advice:
      'The port is open but the peer does not go on: check that it is a Stellar node’s peer port (not its HTTP port) and not overloaded, or raise the timeout.',
    byStage: {
      auth: {
        cause: 'handshake-timeout',
        advice: 'It is a Stellar node, but overloaded, suspended or stuck: look at its load and its log, or raise the timeout.',
      },
    },
  },
  OVERLAY_IDLE_TIMEOUT: {
    cause: 'idle-timeout',
    summary: 'The peer was silent for too long.',
    told: null,
    dropReason: 'idle timeout',
    advice: 'Check the network between the two and whether the peer is overloaded or suspended; then connect again.',
  },
  OVERLAY_NO_NEW_FLOOD_REQUESTS: {
    cause: 'no-new-flood-requests',
    summary: 'The peer has not granted anything for too long.',
    told: null,
    dropReason: 'idle timeout (no new flood requests)',
    advice:
      'The peer does not consume what it is sent: it is stuck or overloaded, or does not send SEND_MORE_EXTENDED after AUTH.',
  },
  OVERLAY_STRAGGLING: {
    cause: 'straggling',
    summary: 'The peer does not read what it is sent.',
    told: null,
    dropReason: 'straggling (cannot keep up)',
    advice: 'The peer or the network between is too slow or stuck: look at its load and its log.',
  },
  OVERLAY_CONNECTION_CLOSED: {
    cause: 'closed-by-peer',
    summary: 'The peer closed the connection without saying why.',
    told: null,
    dropReason: 'error reading message header: End of file',
    advice:
      'A peer that leaves may just have been stopped; one that does so again and again drops us for breaking its rules: look at its log.',
    byStage: {
      hello: {
        cause: 'closed-before-hello',
        advice:
          'Most often the network passphrase differs: compare it with the node’s NETWORK_PASSPHRASE. An expired certificate (our clock is behind), a banned key and an overloaded node look the same: the node’s log tells.',
      },
      auth: {
        cause: 'closed-before-auth',
        advice:
          'A node that goes on to HELLO and no further expects somebody else, or has just been stopped: look at its log for our key.',
      },
    },
  },
  OVERLAY_CONNECTION_RESET: {
    cause: 'connection-reset',
    summary: 'The connection broke.',
    told: null,
    dropReason: 'error reading message header: Connection reset by peer',
    advice:
      'The peer process may have died, or a firewall or proxy cuts the connection; connect again and look at the peer’s log.',
  },

  // What a second look finds out (probe/diagnose.ts).
  OVERLAY_OTHER_NETWORK: {
    cause: 'other-network',
    summary: 'The node is on another network.',
    advice: 'Name the network the node is on (--network), or correct NETWORK_PASSPHRASE in its configuration.',
  },
  OVERLAY_BANNED_THERE: {
    cause: 'banned-there',
    summary: 'The node lets another key in, but not ours: our key is banned there.',
    advice: 'Ask the node’s operator to lift the ban (stellar-core’s unban), or use another seed.',
  },
  OVERLAY_OWN_CLOCK_BEHIND: {
    cause: 'own-clock-behind',
    summary: 'Our clock is behind that of the node, which takes our certificate for expired.',
    advice: 'Set the clock of this machine (NTP); if it is right, the node’s is ahead and has to be set.',
  },
  OVERLAY_CLOSED_AT_ONCE: {
    cause: 'closed-at-once',
    summary: 'It closes every connection at once, before it has been told anything.',
    advice:
      'The node has no free slot for another pending connection, or a proxy or port forwarding accepts for a node that does not run: look whether it runs, and try again.',
  },
  OVERLAY_CLOSED_UNHEARD: {
    cause: 'closed-unheard',
    summary: 'It closes every connection after the same time, whatever is said.',
    advice:
      'A proxy or port forwarding most likely accepts for a node that does not run or cannot be reached from it: look whether the node runs, and where the proxy forwards to.',
  },
  OVERLAY_NOT_STELLAR: {
    cause: 'not-stellar',
    summary: 'Something else than a Stellar node answers.',
    advice: 'Dial the node’s peer port (PEER_PORT, 11625 by default), not its HTTP port or another service.',
  },

  // Bytes.
  OVERLAY_RECORD_LENGTH: {
    cause: 'record-length',
    summary: 'The length of a record is zero or above the limit.',
    told: null,
    dropReason: 'error during read',
    advice: BUG_ADVICE,
    byStage: {
      hello: {
        cause: 'record-length',
        advice:
          'What answers is most likely not a Stellar node: check that the port is its peer port and not, say, an HTTP or TLS one.',
      },
    },
  },
  OVERLAY_CORRUPT_XDR: {
    cause: 'corrupt-xdr',
    summary: 'A record is not a well-formed message.',
    told: ['ERR_DATA', 'received corrupt XDR'],
    dropReason: 'received corrupt XDR',
    advice: BUG_ADVICE,
  },

  // HELLO, in the order of its checks.
  OVERLAY_UNEXPECTED_HELLO: {
    cause: 'unexpected-hello',
    summary: 'The peer sent a second HELLO.',
    told: null,
    dropReason: 'received unexpected HELLO',
    advice: BUG_ADVICE,
  },
  OVERLAY_CERT_EXPIRED: {
    cause: 'cert-expired',
    summary: 'The peer’s certificate has expired.',
    told: null,
    dropReason: 'failed to verify auth cert',
    advice: 'One of the two clocks is wrong: synchronise both with NTP.',
  },
  OVERLAY_CERT_INVALID: {
    cause: 'cert-invalid',
    summary: 'The signature of the peer’s certificate is not its peerID’s over this network.',
    told: null,
    dropReason: 'failed to verify auth cert',
    advice: CERT_ADVICE,
  },
  OVERLAY_PEER_ID_MISMATCH: {
    cause: 'peer-id-mismatch',
    summary: 'The peer is not the one that was expected.',
    told: null,
    advice: 'Compare the two keys: either the pinned key is out of date, or the address leads to another node than you think.',
  },
  OVERLAY_PEER_BANNED: {
    cause: 'peer-banned',
    summary: 'The peer’s key is banned here.',
    told: null,
    dropReason: 'node is banned',
    advice: 'Lift the ban if it was not meant.',
  },
  OVERLAY_BAD_ECDH_KEY: {
    cause: 'bad-ecdh-key',
    summary: 'The peer’s X25519 key is a small-order point, which would make the shared secret public.',
    told: null,
    dropReason: 'Bad crypto request',
    advice: 'An honest peer never sends such a key: treat the peer as hostile.',
  },
  OVERLAY_WRONG_PROTOCOL_VERSION: {
    cause: 'wrong-protocol-version',
    summary: 'The overlay versions of the two sides do not overlap.',
    told: ['ERR_CONF', 'wrong protocol version'],
    dropReason: 'wrong protocol version',
    advice: 'Advertise a range that overlaps the peer’s (--overlay-version, --overlay-min-version), or upgrade the older side.',
  },
  OVERLAY_CONNECTING_TO_SELF: {
    cause: 'connecting-to-self',
    summary: 'The peer has our own key.',
    told: ['ERR_CONF', 'connecting to self'],
    dropReason: 'connecting to self',
    advice: 'The address leads back here, or the same seed runs on two machines: give each node a seed of its own.',
  },
  OVERLAY_WRONG_NETWORK: {
    cause: 'wrong-network',
    summary: 'The peer names another network in its HELLO although its certificate is for this one.',
    told: ['ERR_CONF', 'wrong network passphrase'],
    dropReason: 'wrong network passphrase',
    advice: BUG_ADVICE,
  },
  OVERLAY_BAD_ADDRESS: {
    cause: 'bad-address',
    summary: 'The peer’s listening port is not between 1 and 65535.',
    told: ['ERR_CONF', 'bad address'],
    dropReason: 'bad address',
    advice:
      'The peer has to name a port from 1 to 65535 (PEER_PORT), 11625 for example, also when it does not listen: correct it there.',
  },
  OVERLAY_ALREADY_CONNECTED: {
    cause: 'already-connected',
    summary: 'There is a connection with this peerID already.',
    told: ['ERR_CONF', 'already-connected peer: '],
    dropReason: 'already-connected peer: <XXXXX>',
    advice: 'Close the other connection first, or give each client a seed of its own.',
  },

  // AUTH.
  OVERLAY_OUT_OF_ORDER_AUTH: {
    cause: 'out-of-order-auth',
    summary: 'The peer sent AUTH before HELLO, or a second time.',
    told: ['ERR_MISC', 'out-of-order AUTH message'],
    dropReason: 'out-of-order AUTH message',
    advice: BUG_ADVICE,
  },
  OVERLAY_FLOW_CONTROL_BYTES_DISABLED: {
    cause: 'flow-control-bytes-disabled',
    summary: 'The flags of the peer’s AUTH are not 200.',
    told: ['ERR_CONF', 'flow control bytes disabled'],
    dropReason: 'flow control bytes disabled',
    advice: 'The peer is older than overlay version 35: upgrade it.',
  },
  OVERLAY_PEER_REJECTED: {
    cause: 'peer-rejected',
    summary: 'There is no free slot for another authenticated peer here.',
    told: ['ERR_LOAD', 'peer rejected'],
    dropReason: 'peer rejected',
    advice: 'Raise the limit of authenticated connections, or try again later.',
  },
  OVERLAY_NO_PENDING_SLOT: {
    cause: 'no-pending-slot',
    summary: 'Too many connections are in the handshake at once.',
    told: null,
    advice: 'Raise the limit of pending connections, or that for one address, if these are honest peers.',
  },
  OVERLAY_ADDRESS_REFUSED: {
    cause: 'address-refused',
    summary: 'The application takes no connections from this address.',
    told: null,
    advice: 'None, if that is meant: the option accept of listen decides.',
  },
  OVERLAY_MESSAGE_BEFORE_HANDSHAKE: {
    cause: 'message-before-handshake',
    summary: 'The peer sent another message before the handshake was complete.',
    told: null,
    dropReason: 'received <TYPE> before completed handshake',
    advice: BUG_ADVICE,
  },

  // Every authenticated record.
  OVERLAY_UNEXPECTED_SEQUENCE: {
    cause: 'unexpected-sequence',
    summary: 'A message does not carry the next sequence number: one was lost, repeated or reordered.',
    told: ['ERR_AUTH', 'unexpected auth sequence'],
    dropReason: 'unexpected auth sequence',
    advice: BUG_ADVICE,
  },
  OVERLAY_ZERO_MAC_KEY: {
    cause: 'zero-mac-key',
    summary: 'The receiving MAC key is all zero.',
    told: ['ERR_AUTH', 'receive mac key is zero'],
    dropReason: 'receive mac key is zero',
    advice: 'This cannot happen by chance: treat the peer as hostile.',
  },
  OVERLAY_UNEXPECTED_MAC: {
    cause: 'unexpected-mac',
    summary: 'The MAC of a message is wrong: it was not made by the peer of the handshake, or it was changed on the way.',
    told: ['ERR_AUTH', 'unexpected MAC'],
    dropReason: 'unexpected MAC',
    advice:
      'Nothing of this connection after the last good message can be trusted; if it happens again, something alters the traffic or the peer derives its keys wrongly.',
  },

  // The channel.
  OVERLAY_UNEXPECTED_PEERS: {
    cause: 'unexpected-peers',
    summary: 'The side that dialled sent PEERS.',
    told: null,
    dropReason: 'received PEERS',
    advice: BUG_ADVICE,
  },
  OVERLAY_TOO_MANY_PEERS: {
    cause: 'too-many-peers',
    summary: 'The peer sent PEERS a second time.',
    told: null,
    dropReason: 'too many msgs PEERS',
    advice: BUG_ADVICE,
  },
  OVERLAY_SEND_MORE: {
    cause: 'send-more',
    summary: 'The peer sent SEND_MORE, which flow control in bytes has replaced.',
    told: null,
    dropReason: 'unexpected message type SEND_MORE',
    advice: 'The peer is older than overlay version 35: upgrade it.',
  },
  OVERLAY_INVALID_SEND_MORE_EXTENDED: {
    cause: 'invalid-send-more-extended',
    summary: 'The peer granted zero bytes.',
    told: null,
    dropReason: 'invalid message SEND_MORE_EXTENDED',
    advice: BUG_ADVICE,
  },
  OVERLAY_CAPACITY_OVERFLOW: {
    cause: 'capacity-overflow',
    summary: 'The peer’s grants add up to more than 2^64 - 1.',
    told: null,
    dropReason: 'Peer capacity overflow',
    advice: BUG_ADVICE,
  },
  OVERLAY_FLOOD_OVER_CAPACITY: {
    cause: 'flood-over-capacity',
    summary: 'The peer sent more flood messages or bytes than it had been granted.',
    told: null,
    dropReason: 'unexpected flood message, peer at capacity',
    advice: BUG_ADVICE,
  },

  // The end.
  OVERLAY_PEER_ERROR: {
    cause: 'peer-error',
    summary: 'The peer ended the connection with an ERROR_MSG.',
    told: null,
    advice: 'See what the peer said; ERROR_MSG is not authenticated, so anyone on the path could have said it.',
  },
  OVERLAY_SEND_QUEUE_FULL: {
    cause: 'send-queue-full',
    summary: 'More is waiting for the peer’s credit than may be queued; the connection goes on.',
    advice: 'Wait for send() before sending more: the peer grants as it consumes.',
  },
  OVERLAY_INTERNAL: {
    cause: 'internal',
    summary: 'This package failed.',
    told: null,
    advice:
      'This is a bug, or an exception of a function you passed in: see the cause of the error, and report it if it is ours.',
  },
  OVERLAY_SHUTDOWN: {
    cause: 'shutdown',
    summary: 'This side is shutting down.',
    told: ['ERR_MISC', 'shutdown'],
    dropReason: 'shutdown',
    advice: 'Nothing is wrong; connect again when the node is back.',
  },
  OVERLAY_CLOSED: {
    cause: 'closed',
    summary: 'The connection was closed on this side.',
    told: null,
    advice: 'Nothing is wrong; open a new connection to go on.',
  },
  OVERLAY_ABORTED: {
    cause: 'aborted',
    summary: 'The operation was aborted by its AbortSignal.',
    told: null,
    advice: 'Nothing is wrong; try again when you want to.',
  },
} as const satisfies Record<string, ErrorInfo>;

/** Stable code of a failure. */
export type OverlayErrorCode = keyof typeof TABLE;

/** Every code with its meaning, what the peer is told and what to do. */
export const ERROR_TABLE: Readonly<Record<OverlayErrorCode, ErrorInfo>> = TABLE;

/** What an ERROR_MSG from a peer means, by the beginning of its text: cause and advice (protocol.md section 2.6). */
export const PEER_ERROR_TABLE: readonly {
  readonly text: string;
  readonly cause: string;
  readonly advice: string;
}[] = [
  {
    text: 'wrong protocol version',
    cause: 'peer-says-wrong-protocol-version',
    advice: TABLE.OVERLAY_WRONG_PROTOCOL_VERSION.advice,
  },
  {
    text: 'connecting to self',
    cause: 'peer-says-connecting-to-self',
    advice:
      'You run with the peer’s own seed: use another one (--seed-file), or none for a random one; if you meant another node, the address leads to yours.',
  },
  {
    text: 'wrong network passphrase',
    cause: 'peer-says-wrong-network',
    advice:
      'A HELLO that names another network than its certificate is signed for is refused so; this package never sends one: record the connection.',
  },
  { text: 'bad address', cause: 'peer-says-bad-address', advice: 'Name a listening port from 1 to 65535 (--listening-port).' },
  {
    text: 'already-connected peer',
    cause: 'peer-says-already-connected',
    advice:
      'The same seed is connected to this peer already, from here or elsewhere: stop the other one, or use another seed (without --seed-file a random one).',
  },
  {
    text: 'flow control bytes disabled',
    cause: 'peer-says-flow-control-bytes-disabled',
    advice:
      'The peer does not take the flags of our AUTH, which are 200 as overlay version 35 and later demand: it is no current stellar-core, or something alters the bytes.',
  },
  { text: 'unexpected auth sequence', cause: 'peer-says-unexpected-sequence', advice: BUG_ADVICE },
  { text: 'receive mac key is zero', cause: 'peer-says-zero-mac-key', advice: BUG_ADVICE },
  { text: 'unexpected MAC', cause: 'peer-says-unexpected-mac', advice: BUG_ADVICE },
  {
    text: 'peer rejected',
    cause: 'peer-full',
    advice: 'The node is alive but has no free slot: try again later, or have its operator list you in PREFERRED_PEER_KEYS.',
  },
  {
    text: 'preferred peer selected instead',
    cause: 'peer-prefers-another',
    advice: 'The node gave the slot to a preferred peer: try again later, or have its operator list you in PREFERRED_PEER_KEYS.',
  },
  {
    text: 'random disconnect due to out of sync',
    cause: 'peer-out-of-sync',
    advice: 'The node is out of sync and looks for other peers: try again later.',
  },
  { text: 'out-of-order AUTH message', cause: 'peer-says-out-of-order-auth', advice: BUG_ADVICE },
  { text: 'shutdown', cause: 'peer-shutdown', advice: 'The node is being stopped: try again when it is back.' },
  {
    text: 'dropped by user',
    cause: 'peer-dropped-by-operator',
    advice: 'The node’s operator dropped this connection, perhaps with a ban: ask there.',
  },
  {
    text: 'Survey has invalid signature',
    cause: 'peer-says-survey-signature',
    advice: 'Do not relay surveys that you have not verified.',
  },
  {
    text: 'received corrupt XDR',
    cause: 'peer-says-corrupt-xdr',
    advice: 'The peer did not understand what it was sent: compare the versions of both sides.',
  },
  { text: 'crypto error', cause: 'peer-says-crypto-error', advice: BUG_ADVICE },
];
