/**
 * Every failure as data: what it means, which ERROR_MSG the peer gets, what stellar-core calls it, and what to do. This is one
 * long table so that a reader sees all codes in one place. `docs/errors.md` is generated from it.
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
  /** What happened, in one or two sentences. */
  readonly summary: string;
  /**
   * The ERROR_MSG that this side sends to the peer. Null: the connection is dropped and nothing is sent. Undefined: there is no
   * peer to send to.
   */
  readonly told?: readonly [code: ErrorCodeName, text: string] | null;
  /** What stellar-core writes to its log for the same event, if it logs it. */
  readonly dropReason?: string;
  /** What to do about it. */
  readonly advice: string;
  /** Stages in which the same event has another meaning: their cause and advice. */
  readonly byStage?: Readonly<Partial<Record<Stage, Pick<ErrorInfo, 'cause' | 'advice'>>>>;
}

const CERT_ADVICE =
  'Check that both sides use the same network passphrase. A node of another network fails here, and so does a connection that somebody on the path intercepts.';
const BUG_ADVICE =
  'The peer, or something on the path to it, breaks the protocol. Record the connection and report it to the maintainers of the peer.';

/** With `as const`, the published types would repeat every text. */
function rows<Code extends string>(table: Readonly<Record<Code, ErrorInfo>>): typeof table {
  return table;
}

const TABLE = rows({
  // // Before there is a connection.
  OVERLAY_NAME_NOT_FOUND: {
    cause: 'name-not-found',
    summary: 'The host name has no address.',
    advice: 'Check the spelling of the host name and that this machine can resolve names.',
  },
  OVERLAY_NAME_LOOKUP_TIMEOUT: {
    cause: 'name-lookup-timeout',
    summary: 'No resolver answered for the host name in time; nothing was dialled.',
    advice:
      'Check the name servers of this machine (/etc/resolv.conf) and the network path to them. Or dial the IP address of the node instead of its name.',
  },
  OVERLAY_NAME_LOOKUP_FAILED: {
    cause: 'name-lookup-failed',
    summary: 'The resolver failed and gave no answer for the host name; nothing was dialled.',
    advice:
      'Check the name servers of this machine (/etc/resolv.conf) and those of the domain, then try again. Or dial the IP address of the node instead of its name.',
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
    summary: 'The host cannot be reached.',
    advice:
      'Check the firewall of the host first: it must allow inbound TCP to the peer port (firewalld’s default REJECT makes a host look unreachable). Then check the address, the network of this machine and the route to the host.',
  },
  OVERLAY_CONNECT_TIMEOUT: {
    cause: 'connect-timeout',
    summary: 'The TCP connection was not answered in time.',
    advice: 'Most likely a firewall drops the packets: open the node’s peer port for inbound TCP, or raise the timeout.',
  },
  OVERLAY_LISTEN_FAILED: {
    cause: 'listen-failed',
    summary: 'This process cannot listen on the address.',
    advice: 'Choose a free port and an address of this machine; ports below 1024 need privileges.',
  },

  // Silence.
  OVERLAY_HANDSHAKE_TIMEOUT: {
    cause: 'handshake-timeout',
    summary: 'The handshake did not finish in time.',
    told: null,
    advice:
      'The port is open, but the peer does not continue the handshake. Check that the port is the peer port of a Stellar node (not its HTTP port) and that the node is not overloaded, or raise the timeout.',
    byStage: {
      auth: {
        cause: 'handshake-timeout',
        advice:
          'The peer is a Stellar node, but it is overloaded, suspended or stuck: check its load and its log, or raise the timeout.',
      },
    },
  },
  OVERLAY_IDLE_TIMEOUT: {
    cause: 'idle-timeout',
    summary: 'The connection was idle for too long.',
    told: null,
    dropReason: 'idle timeout',
    advice: 'Check the network between the two nodes and whether the peer is overloaded or suspended; then connect again.',
  },
  OVERLAY_NO_NEW_FLOOD_REQUESTS: {
    cause: 'no-new-flood-requests',
    summary: 'The peer has granted no flow control capacity for too long.',
    told: null,
    dropReason: 'idle timeout (no new flood requests)',
    advice:
      'The peer does not consume the messages it gets. It is stuck or overloaded, or it does not send SEND_MORE_EXTENDED after AUTH.',
  },
  OVERLAY_STRAGGLING: {
    cause: 'straggling',
    summary: 'The peer does not read the bytes sent to it.',
    told: null,
    dropReason: 'straggling (cannot keep up)',
    advice: 'The peer or the network is too slow or stuck: check the peer’s load and its log.',
  },
  OVERLAY_CONNECTION_CLOSED: {
    cause: 'closed-by-peer',
    summary: 'The peer closed the connection without giving a reason.',
    told: null,
    dropReason: 'error reading message header: End of file',
    advice:
      'A peer that closes once may have been stopped. A peer that closes every time drops this node because of a rule: look at the peer’s log.',
    byStage: {
      hello: {
        cause: 'closed-before-hello',
        advice:
          'Most often the network passphrase differs: compare it with the node’s NETWORK_PASSPHRASE. An expired certificate (this machine’s clock is behind), a banned key and an overloaded node look the same from here; the node’s log has the reason.',
      },
      auth: {
        cause: 'closed-before-auth',
        advice:
          'The node sent HELLO and then closed. It expects another peer, or it was stopped: search its log for this node’s key.',
      },
    },
  },
  OVERLAY_CONNECTION_RESET: {
    cause: 'connection-reset',
    summary: 'The connection broke.',
    told: null,
    dropReason: 'error reading message header: Connection reset by peer',
    advice:
      'The peer process may have stopped, or a firewall or proxy cuts the connection. Connect again and look at the peer’s log.',
  },

  // // Found by a second connection after a failure (probe/diagnose.ts).
  OVERLAY_OTHER_NETWORK: {
    cause: 'other-network',
    summary: 'The node is on another network.',
    advice: 'Give the network of the node (--network), or correct NETWORK_PASSPHRASE in its configuration.',
  },
  OVERLAY_BANNED_THERE: {
    cause: 'banned-there',
    summary: 'The node accepts another key, but not ours: our key is banned there.',
    advice: 'Ask the node’s operator to lift the ban (stellar-core’s unban), or use another seed.',
  },
  OVERLAY_OWN_CLOCK_BEHIND: {
    cause: 'own-clock-behind',
    summary: 'The clock of this machine is behind the node’s clock, so the node treats our certificate as expired.',
    advice: 'Set the clock of this machine (NTP). If this clock is right, the node’s clock is ahead and must be set.',
  },
  OVERLAY_CLOSED_AT_ONCE: {
    cause: 'closed-at-once',
    summary: 'It closes every connection at once, before it has received anything.',
    advice:
      'The node has no free slot for another pending connection, or a proxy or port forwarding accepts connections for a node that does not run. Check that the node runs, and try again.',
  },
  OVERLAY_CLOSED_UNHEARD: {
    cause: 'closed-unheard',
    summary: 'It closes every connection after the same time, whatever it receives.',
    advice:
      'Most likely a proxy or port forwarding accepts connections for a node that does not run or that it cannot reach. Check that the node runs, and check the target of the proxy.',
  },
  OVERLAY_NOT_STELLAR: {
    cause: 'not-stellar',
    summary: 'The service that answers is not a Stellar node.',
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
          'The service that answers is most likely not a Stellar node. Check that the port is the node’s peer port, not an HTTP or TLS port.',
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
    summary: 'The peer’s certificate is not signed by its peerID for this network.',
    told: null,
    dropReason: 'failed to verify auth cert',
    advice: CERT_ADVICE,
  },
  OVERLAY_PEER_ID_MISMATCH: {
    cause: 'peer-id-mismatch',
    summary: 'The peer is not the expected one.',
    told: null,
    advice: 'Compare the two keys: either the pinned key is out of date, or the address leads to another node than you think.',
  },
  OVERLAY_PEER_BANNED: {
    cause: 'peer-banned',
    summary: 'The peer’s key is banned here.',
    told: null,
    dropReason: 'node is banned',
    advice: 'Lift the ban if it was a mistake.',
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
    advice:
      'Advertise a range that overlaps the peer’s (--overlay-version, --overlay-min-version), or upgrade the side with the older version.',
  },
  OVERLAY_CONNECTING_TO_SELF: {
    cause: 'connecting-to-self',
    summary: 'The peer has our own key.',
    told: ['ERR_CONF', 'connecting to self'],
    dropReason: 'connecting to self',
    advice: 'The address leads back to this node, or two machines run with the same seed: give each node its own seed.',
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
      'The peer must advertise a port from 1 to 65535 (PEER_PORT), 11625 for example, even if it does not listen: correct its configuration.',
  },
  OVERLAY_ALREADY_CONNECTED: {
    cause: 'already-connected',
    summary: 'There is already a connection with this peerID.',
    told: ['ERR_CONF', 'already-connected peer: '],
    dropReason: 'already-connected peer: <XXXXX>',
    advice: 'Close the other connection first, or give each client its own seed.',
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
    summary: 'The application accepts no connections from this address.',
    told: null,
    advice: 'Nothing has to be done if this is intended: the option accept of listen decides.',
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
    summary: 'A message does not have the next sequence number: a message was lost, repeated or reordered.',
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
    summary: 'The MAC of a message is wrong: another sender made it, or it was changed on the way.',
    told: ['ERR_AUTH', 'unexpected MAC'],
    dropReason: 'unexpected MAC',
    advice:
      'Do not trust anything of this connection after the last valid message. If it happens again, something alters the traffic, or the peer derives its keys wrongly.',
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
    summary: 'The peer sent SEND_MORE, which SEND_MORE_EXTENDED has replaced.',
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
    summary: 'The peer sent more flood messages or bytes than this side had granted.',
    told: null,
    dropReason: 'unexpected flood message, peer at capacity',
    advice: BUG_ADVICE,
  },

  // The end.
  OVERLAY_PEER_ERROR: {
    cause: 'peer-error',
    summary: 'The peer ended the connection with an ERROR_MSG.',
    told: null,
    advice: 'Read the peer’s error text. ERROR_MSG is not authenticated, so anyone on the path could have sent it.',
  },
  OVERLAY_SEND_QUEUE_FULL: {
    cause: 'send-queue-full',
    summary: 'Too many bytes wait for the peer’s credit; the message was not queued and the connection stays open.',
    advice: 'Wait for send() before sending more: the peer grants credit when it has consumed messages.',
  },
  OVERLAY_INTERNAL: {
    cause: 'internal',
    summary: 'An internal error of this package, or of a function passed to it.',
    told: null,
    advice:
      'Read the cause of the error. If it comes from a function that you passed in, correct that; otherwise report it as a bug of this package.',
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
});

/** Stable code of a failure. */
export type OverlayErrorCode = keyof typeof TABLE;

/** Every code with its meaning, the ERROR_MSG sent to the peer, and what to do. */
export const ERROR_TABLE: Readonly<Record<OverlayErrorCode, ErrorInfo>> = TABLE;

/** Meaning of an ERROR_MSG from a peer, by the start of its text: cause and advice (protocol.md section 2.6). */
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
      'You use the same seed as the peer: use another one (--seed-file), or none for a random one. Or the address leads to your own node.',
  },
  {
    text: 'wrong network passphrase',
    cause: 'peer-says-wrong-network',
    advice:
      'The peer refuses a HELLO that names another network than its certificate is signed for. This package never sends such a HELLO: record the connection.',
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
      'The peer refuses the flags of our AUTH, which are 200 as overlay version 35 and later require. It is not a current stellar-core, or something alters the bytes.',
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
    advice: 'The node’s operator dropped this connection, perhaps with a ban: ask the operator.',
  },
  {
    text: 'Survey has invalid signature',
    cause: 'peer-says-survey-signature',
    advice: 'Do not relay surveys that you have not verified.',
  },
  {
    text: 'received corrupt XDR',
    cause: 'peer-says-corrupt-xdr',
    advice: 'The peer could not decode a message from this side: compare the versions of both sides.',
  },
  { text: 'crypto error', cause: 'peer-says-crypto-error', advice: BUG_ADVICE },
];
