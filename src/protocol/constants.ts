/**
 * Every number of the protocol, its unit in its name and its place in stellar-core beside it.
 * What the wire demands comes first, what a node may choose (with the reference's default) after it.
 * @module
 */

/** Length of hashes, keys, nonces and MACs, in bytes (Stellar-types.x). */
export const HASH_BYTES = 32;
/** Length of an ed25519 signature, in bytes (RFC 8032). */
export const SIGNATURE_BYTES = 64;

/** Length of the record marking header (RFC 5531 §11), in bytes. */
export const RECORD_HEADER_BYTES = 4;
/** "Last fragment", bit 31 of the record header: always sent as 1, never looked at (RFC 5531 §11). */
export const LAST_FRAGMENT_BIT = 0x80000000;
/** Largest record body before the peer's AUTH has been accepted, in bytes (TCPPeer.cpp). */
export const MAX_UNAUTHENTICATED_RECORD_BYTES = 0x1000;
/** Largest record body after it, in bytes (TCPPeer.cpp). */
export const MAX_RECORD_BYTES = 0x1000000;

/** Union version (4), sequence (8) and MAC (32) around a StellarMessage in a record body (Stellar-overlay.x AuthenticatedMessage). */
export const ENVELOPE_BYTES = 44;
/** Offset of the sequence in a record body; sequence and message up to the MAC are what the MAC covers. */
export const SEQUENCE_OFFSET = 4;
/** Offset of the StellarMessage in a record body. */
export const MESSAGE_OFFSET = 12;
/** Length of the MAC that ends a record body, in bytes. */
export const MAC_BYTES = 32;

/** The only flags AUTH may carry: AUTH_MSG_FLAG_FLOW_CONTROL_BYTES_REQUESTED (Stellar-overlay.x). */
export const AUTH_MSG_FLAG_FLOW_CONTROL_BYTES_REQUESTED = 200;
/** ENVELOPE_TYPE_SCP, the 4-byte tag in what an SCPEnvelope's signature covers (Stellar-ledger-entries.x). */
export const ENVELOPE_TYPE_SCP = 1;
/** ENVELOPE_TYPE_TX, the 4-byte tag in what the signatures of a transaction cover (Stellar-ledger-entries.x). */
export const ENVELOPE_TYPE_TX = 2;
/** ENVELOPE_TYPE_TX_FEE_BUMP, the same for a transaction that bumps the fee of another one (Stellar-ledger-entries.x). */
export const ENVELOPE_TYPE_TX_FEE_BUMP = 5;
/** ENVELOPE_TYPE_AUTH, the 4-byte tag in the payload an AuthCert signs (Stellar-ledger-entries.x). */
export const ENVELOPE_TYPE_AUTH = 3;

/** ENVELOPE_TYPE_SCPVALUE, the 4-byte tag in what the signature of a StellarValue covers (Stellar-ledger-entries.x). */
export const ENVELOPE_TYPE_SCPVALUE = 4;

/** Longest versionStr and longest ERROR_MSG text, in bytes (Stellar-overlay.x). */
export const MAX_STRING_BYTES = 100;
/** Most addresses in one PEERS (Stellar-overlay.x). */
export const MAX_PEERS = 100;
/** Most hashes in one FLOOD_ADVERT or FLOOD_DEMAND (Stellar-overlay.x TX_ADVERT_VECTOR_MAX_SIZE). */
export const MAX_TX_HASHES = 1000;
/** Longest encrypted survey body, in bytes (Stellar-overlay.x). */
export const MAX_SURVEY_BODY_BYTES = 64000;
/**
 * Deepest nesting of quorum sets that is taken for well-formed: the reference decodes 700 levels and refuses 760, by the
 * 1,500 frames of its stack (xdr::marshaling_stack_limit).
 */
export const QUORUM_SET_STACK_LIMIT = 745;
/** Deepest nesting of quorum sets that is sent. */
export const MAX_QUORUM_SET_DEPTH = 100;

/** Levels below the top of a quorum set the reference takes (QuorumSetUtils.cpp). */
export const MAXIMUM_QUORUM_NESTING_LEVEL = 4;
/** Most validators in a quorum set, all levels together (QuorumSetUtils.cpp). */
export const MAX_QUORUM_SET_NODES = 1000;

/** Port of the overlay when none is named. */
export const DEFAULT_PORT = 11625;

/** Life of a freshly signed AuthCert, in seconds (PeerAuth.cpp). */
export const CERT_LIFETIME_SECONDS = 3600;
/** A cert with less life left than this is signed anew before it is sent, in seconds (PeerAuth.cpp). */
export const CERT_REFRESH_SECONDS = 1800;
/** Shared keys kept, by remote ECDH key and role (PeerAuth.cpp). */
export const SHARED_KEY_CACHE_ENTRIES = 0xffff;
/** Results of cert signature checks kept. The reference keeps 250,000 for all signatures of the process. */
export const VERIFIED_CERT_CACHE_ENTRIES = 0xffff;

/** Newest overlay version advertised. */
export const OVERLAY_VERSION = 42;
/** Oldest overlay version advertised: since 38 every rule a client needs has been the same. */
export const OVERLAY_MIN_VERSION = 38;
/** Ledger protocol advertised; no receiver checks it. */
export const LEDGER_VERSION = 27;

/** Flood messages the peer may have in flight towards us (PEER_FLOOD_READING_CAPACITY). */
export const FLOOD_CAPACITY_MESSAGES = 200;
/** Flood bytes the peer may have in flight towards us (Config.cpp, automatic value). */
export const FLOOD_CAPACITY_BYTES = 300_000;
/** Processed flood messages after which they are granted again (FLOW_CONTROL_SEND_MORE_BATCH_SIZE). */
export const SEND_MORE_BATCH_MESSAGES = 40;
/** Processed flood bytes after which they are granted again (FLOW_CONTROL_SEND_MORE_BATCH_SIZE_BYTES, automatic value). */
export const SEND_MORE_BATCH_BYTES = 100_000;
/** Messages of any kind held for the application before reading pauses (PEER_READING_CAPACITY). */
export const READING_CAPACITY_MESSAGES = 201;
/** Bytes of any kind held for the application before reading pauses (PEER_TOTAL_READING_CAPACITY_BYTES). */
export const READING_CAPACITY_BYTES = 0x100000;

/** Period of the check of a connection's timers, in milliseconds (Peer.cpp RECURRENT_TIMER_PERIOD). */
export const TIMER_PERIOD_MS = 5_000;
/** Silence after which an unauthenticated connection is dropped, in milliseconds (PEER_AUTHENTICATION_TIMEOUT). */
export const AUTHENTICATION_TIMEOUT_MS = 2_000;
/** Silence after which an authenticated connection is dropped, in milliseconds (PEER_TIMEOUT). */
export const PEER_TIMEOUT_MS = 30_000;
/** Time without a grant after which a peer that grants nothing is dropped, in milliseconds (PEER_SEND_MODE_IDLE_TIMEOUT). */
export const SEND_MODE_IDLE_TIMEOUT_MS = 60_000;
/** Time a peer may take to read what it was sent, in milliseconds (PEER_STRAGGLER_TIMEOUT). */
export const PEER_STRAGGLER_TIMEOUT_MS = 120_000;
/** Bytes of flood messages that may wait for the peer's credit (OUTBOUND_TX_QUEUE_BYTE_LIMIT, which is for transactions). */
export const MAX_QUEUED_BYTES = 0x300000;
/** GET_TX_SETs that are answered with DONT_HAVE in a period, as many as the reference answers; further ones get none. */
export const MAX_TX_SET_ANSWERS = 300;
/** That period, in milliseconds: what twelve ledgers take (Peer.cpp). */
export const TX_SET_ANSWERS_PERIOD_MS = 60_000;
/** Records, and bytes, of one connection that are handled before others get their turn of the loop. */
export const TURN_RECORDS = 1_000;
export const TURN_BYTES = 0x40000;
/** Output not taken by the peer above which its input is not handled: who does not read gets no answers. In bytes. */
export const MAX_UNSENT_BYTES = 0x100000;
/** Absolute time a whole handshake may take, in milliseconds. The reference has none. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Inbound connections that may be in the handshake at once (MAX_PENDING_CONNECTIONS, its inbound share). */
export const MAX_PENDING_CONNECTIONS = 444;
/** Inbound authenticated connections at once (MAX_ADDITIONAL_PEER_CONNECTIONS, automatic value). */
export const MAX_AUTHENTICATED_CONNECTIONS = 64;
/**
 * Time FIN is held back behind a last ERROR_MSG, in milliseconds: stellar-core reads ahead and loses what it has not
 * handled when it reads the end of the stream (section 1.4).
 */
export const FIN_DELAY_MS = 500;
/** Silence after which a peer that sends on behind our FIN is taken to have nothing more on its way, in milliseconds. */
export const QUIET_MS = 100;
/** Most time from the end of a connection to its socket being closed, in milliseconds. The reference waits 5,000. */
export const LINGER_MS = 1_000;
