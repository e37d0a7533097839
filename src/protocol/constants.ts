/**
 * Every number of the protocol, with its unit in its name and its place in stellar-core. Values fixed by the protocol come
 * first, then values that a node may choose (with stellar-core's default).
 * @module
 */

/** Length of hashes, keys, nonces and MACs, in bytes (Stellar-types.x). */
export const HASH_BYTES = 32;
/** Length of an ed25519 signature, in bytes (RFC 8032). */
export const SIGNATURE_BYTES = 64;

/** Length of the record marking header (RFC 5531 §11), in bytes. */
export const RECORD_HEADER_BYTES = 4;
/** "Last fragment", bit 31 of the record header: always sent as 1, ignored when received (RFC 5531 §11). */
export const LAST_FRAGMENT_BIT = 0x80000000;
/** Largest record body before the peer's AUTH has been accepted, in bytes (TCPPeer.cpp). */
export const MAX_UNAUTHENTICATED_RECORD_BYTES = 0x1000;
/** Largest record body after that, in bytes (TCPPeer.cpp). */
export const MAX_RECORD_BYTES = 0x1000000;

/**
 * Bytes of union version (4), sequence (8) and MAC (32) around a StellarMessage in a record body (Stellar-overlay.x
 * AuthenticatedMessage).
 */
export const ENVELOPE_BYTES = 44;
/** Offset of the sequence in a record body. The MAC covers the bytes from here to the MAC itself. */
export const SEQUENCE_OFFSET = 4;
/** Offset of the StellarMessage in a record body. */
export const MESSAGE_OFFSET = 12;
/** Length of the MAC at the end of a record body, in bytes. */
export const MAC_BYTES = 32;

/** The only valid flags of AUTH: AUTH_MSG_FLAG_FLOW_CONTROL_BYTES_REQUESTED (Stellar-overlay.x). */
export const AUTH_MSG_FLAG_FLOW_CONTROL_BYTES_REQUESTED = 200;
/** ENVELOPE_TYPE_SCP, the 4-byte tag in the bytes that an SCPEnvelope's signature covers (Stellar-ledger-entries.x). */
export const ENVELOPE_TYPE_SCP = 1;
/** ENVELOPE_TYPE_TX, the 4-byte tag in the bytes that a transaction's signatures cover (Stellar-ledger-entries.x). */
export const ENVELOPE_TYPE_TX = 2;
/** ENVELOPE_TYPE_TX_FEE_BUMP, the same for a fee bump transaction (Stellar-ledger-entries.x). */
export const ENVELOPE_TYPE_TX_FEE_BUMP = 5;
/** ENVELOPE_TYPE_AUTH, the 4-byte tag in the bytes that an AuthCert's signature covers (Stellar-ledger-entries.x). */
export const ENVELOPE_TYPE_AUTH = 3;

/** ENVELOPE_TYPE_SCPVALUE, the 4-byte tag in the bytes that a StellarValue's signature covers (Stellar-ledger-entries.x). */
export const ENVELOPE_TYPE_SCPVALUE = 4;

/** Longest versionStr and longest ERROR_MSG text, in bytes (Stellar-overlay.x). */
export const MAX_STRING_BYTES = 100;
/** Maximum number of addresses in one PEERS (Stellar-overlay.x). */
export const MAX_PEERS = 100;
/** Maximum number of hashes in one FLOOD_ADVERT or FLOOD_DEMAND (Stellar-overlay.x TX_ADVERT_VECTOR_MAX_SIZE). */
export const MAX_TX_HASHES = 1000;
/** Longest encrypted survey body, in bytes (Stellar-overlay.x). */
export const MAX_SURVEY_BODY_BYTES = 64000;
/**
 * Deepest nesting of quorum sets that counts as well-formed: stellar-core decodes 700 levels and refuses 760, because its
 * decoder is limited to 1,500 stack frames (xdr::marshaling_stack_limit).
 */
export const QUORUM_SET_STACK_LIMIT = 745;
/** Deepest nesting of quorum sets that is sent. */
export const MAX_QUORUM_SET_DEPTH = 100;

/** Maximum number of levels below the top of a quorum set that stellar-core accepts (QuorumSetUtils.cpp). */
export const MAXIMUM_QUORUM_NESTING_LEVEL = 4;
/** Maximum number of validators in a quorum set, all levels together (QuorumSetUtils.cpp). */
export const MAX_QUORUM_SET_NODES = 1000;

/** Default port of the overlay. */
export const DEFAULT_PORT = 11625;

/** Lifetime of a freshly signed AuthCert, in seconds (PeerAuth.cpp). */
export const CERT_LIFETIME_SECONDS = 3600;
/** A cert with less lifetime left than this is replaced before it is sent, in seconds (PeerAuth.cpp). */
export const CERT_REFRESH_SECONDS = 1800;
/**
 * Number of cached shared keys for each role: several times the peers that one process has. stellar-core caches 65,535
 * (PeerAuth.cpp); strangers could fill as many.
 */
export const SHARED_KEY_CACHE_ENTRIES = 0x800;
/** Number of cached results of cert signature checks. stellar-core caches 250,000 for all signatures of the process. */
export const VERIFIED_CERT_CACHE_ENTRIES = 0x800;

/** Newest overlay version advertised. */
export const OVERLAY_VERSION = 42;
/** Oldest overlay version advertised: every rule that a client needs has been the same since 38. */
export const OVERLAY_MIN_VERSION = 38;
/** Ledger protocol version advertised; no receiver checks it. */
export const LEDGER_VERSION = 27;

/** Flood messages granted to the peer (PEER_FLOOD_READING_CAPACITY). */
export const FLOOD_CAPACITY_MESSAGES = 200;
/** Flood bytes granted to the peer (Config.cpp, automatic value). */
export const FLOOD_CAPACITY_BYTES = 300_000;
/** Number of processed flood messages after which they are granted again (FLOW_CONTROL_SEND_MORE_BATCH_SIZE). */
export const SEND_MORE_BATCH_MESSAGES = 40;
/**
 * Number of processed flood bytes after which they are granted again (FLOW_CONTROL_SEND_MORE_BATCH_SIZE_BYTES, automatic
 * value).
 */
export const SEND_MORE_BATCH_BYTES = 100_000;
/** Messages of any kind held for the application before reading pauses (PEER_READING_CAPACITY). */
export const READING_CAPACITY_MESSAGES = 201;
/** Bytes of any kind held for the application before reading pauses (PEER_TOTAL_READING_CAPACITY_BYTES). */
export const READING_CAPACITY_BYTES = 0x100000;

/** Interval of the timer checks of a connection, in milliseconds (Peer.cpp RECURRENT_TIMER_PERIOD). */
export const TIMER_PERIOD_MS = 5_000;
/** An unauthenticated connection without traffic is dropped after this time, in milliseconds (PEER_AUTHENTICATION_TIMEOUT). */
export const AUTHENTICATION_TIMEOUT_MS = 2_000;
/** An authenticated connection without traffic is dropped after this time, in milliseconds (PEER_TIMEOUT). */
export const PEER_TIMEOUT_MS = 30_000;
/** A peer that grants no credit is dropped after this time, in milliseconds (PEER_SEND_MODE_IDLE_TIMEOUT). */
export const SEND_MODE_IDLE_TIMEOUT_MS = 60_000;
/** Time that a peer may take to read what was sent to it, in milliseconds (PEER_STRAGGLER_TIMEOUT). */
export const PEER_STRAGGLER_TIMEOUT_MS = 120_000;
/** Bytes of flood messages that may wait for the peer's credit (OUTBOUND_TX_QUEUE_BYTE_LIMIT, which is for transactions). */
export const MAX_QUEUED_BYTES = 0x300000;
/** Number of GET_TX_SETs answered with DONT_HAVE in one period, the same as stellar-core's. Further ones get no answer. */
export const MAX_TX_SET_ANSWERS = 300;
/** Length of that period, in milliseconds: the time of twelve ledgers (Peer.cpp). */
export const TX_SET_ANSWERS_PERIOD_MS = 60_000;
/** Number of records, and of bytes, of one connection that are handled before other connections get their turn of the loop. */
export const TURN_RECORDS = 1_000;
export const TURN_BYTES = 0x40000;
/** When more output than this is unsent, the peer's input is not handled: a peer that does not read gets no answers. In bytes. */
export const MAX_UNSENT_BYTES = 0x100000;
/** Time limit of a whole handshake, in milliseconds. stellar-core has none. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Maximum number of inbound connections in the handshake (MAX_PENDING_CONNECTIONS, its inbound share). */
export const MAX_PENDING_CONNECTIONS = 444;
/** Maximum number of inbound authenticated connections (MAX_ADDITIONAL_PEER_CONNECTIONS, automatic value). */
export const MAX_AUTHENTICATED_CONNECTIONS = 64;
/**
 * Delay of FIN after a last ERROR_MSG, in milliseconds: stellar-core reads ahead, and drops what it has not handled when it
 * reads the end of the stream (section 1.4).
 */
export const FIN_DELAY_MS = 500;
/** When a peer that keeps sending after our FIN sends nothing for this time, nothing more is expected. In milliseconds. */
export const QUIET_MS = 100;
/** Longest time from the end of a connection until its socket is closed, in milliseconds. stellar-core waits 5,000. */
export const LINGER_MS = 1_000;
