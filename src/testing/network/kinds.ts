/**
 * The kinds of nodes in a mock network, and the result that a crawl must have for each.
 * @module
 */

/** Properties of a kind of node. */
export interface KindInfo {
  /** Behaviour of a node of this kind. */
  readonly does: string;
  /** Expected result of a crawl: `ok`, or a cause of docs/errors.md. */
  readonly outcome: string;
  /** Whether its PEERS can be read, so that other nodes can be known through it alone. */
  readonly names: boolean;
  /** Number of nodes of this kind per thousand, unless the mix sets another. */
  readonly perMille: number;
}

/** Every kind. The plain node fills the rest. */
export const MOCK_NODE_KINDS = {
  plain: { does: 'accepts every peer, as most nodes do', outcome: 'ok', names: true, perMille: 0 },
  refused: { does: 'does not listen', outcome: 'connection-refused', names: false, perMille: 250 },
  'queue-full': { does: 'has a full accept queue', outcome: 'connect-timeout', names: false, perMille: 10 },
  silent: { does: 'accepts and sends nothing', outcome: 'handshake-timeout', names: false, perMille: 30 },
  full: { does: 'sends addresses and has no free slot', outcome: 'peer-full', names: true, perMille: 180 },
  slow: { does: 'answers HELLO late', outcome: 'ok', names: true, perMille: 15 },
  'other-network': { does: 'is on another well-known network', outcome: 'other-network', names: false, perMille: 10 },
  'unknown-network': {
    does: 'is on an unknown network',
    outcome: 'closed-before-hello',
    names: false,
    perMille: 5,
  },
  'other-range': { does: 'supports only newer overlay versions', outcome: 'ok', names: true, perMille: 10 },
  'cert-expired': { does: 'has an expired certificate', outcome: 'cert-expired', names: false, perMille: 5 },
  'cert-invalid': { does: 'has a certificate signed by another key', outcome: 'cert-invalid', names: false, perMille: 5 },
  'malformed-peers': { does: 'sends a truncated PEERS', outcome: 'corrupt-xdr', names: false, perMille: 5 },
  'odd-peers': {
    does: 'sends private addresses, port 0 and invalid ports, among others',
    outcome: 'ok',
    names: true,
    perMille: 10,
  },
  'ipv6-peers': { does: 'sends IPv6 addresses, among others', outcome: 'ok', names: true, perMille: 10 },
  'hundred-peers': { does: 'sends a hundred addresses', outcome: 'ok', names: true, perMille: 5 },
  twin: { does: 'has two addresses with one key, and accepts each peer once', outcome: 'ok', names: true, perMille: 10 },
  neighbour: { does: 'shares an IP address with another node, on another port', outcome: 'ok', names: true, perMille: 10 },
  'scp-flood': { does: 'floods SCP messages as far as its credit allows', outcome: 'ok', names: true, perMille: 5 },
  inventor: { does: 'invents validators', outcome: 'ok', names: true, perMille: 3 },
  drips: { does: 'sends its HELLO one byte at a time, without end', outcome: 'handshake-timeout', names: false, perMille: 5 },
  'no-auth': { does: 'answers HELLO and not AUTH', outcome: 'handshake-timeout', names: false, perMille: 5 },
  http: { does: 'is an HTTP server', outcome: 'not-stellar', names: false, perMille: 5 },
} as const satisfies Record<string, KindInfo>;

/** Name of a kind of node. */
export type MockNodeKind = keyof typeof MOCK_NODE_KINDS;
