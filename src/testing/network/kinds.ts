/**
 * How the nodes of a mock network behave, and what a crawl has to say of each.
 * @module
 */

/** What a kind of node is like. */
export interface KindInfo {
  /** What a node of this kind does. */
  readonly does: string;
  /** What a crawl has to find: `ok`, or a cause of docs/errors.md. */
  readonly outcome: string;
  /** Whether its PEERS can be read, so that others can be known through it alone. */
  readonly names: boolean;
  /** Nodes of this kind among a thousand, unless the mix says otherwise. */
  readonly perMille: number;
}

/** Every kind but the plain node, which the rest is made of. */
export const MOCK_NODE_KINDS = {
  plain: { does: 'takes everybody in, as most nodes do', outcome: 'ok', names: true, perMille: 0 },
  refused: { does: 'does not listen', outcome: 'connection-refused', names: false, perMille: 250 },
  'queue-full': { does: 'has a full accept queue', outcome: 'connect-timeout', names: false, perMille: 10 },
  silent: { does: 'accepts and says nothing', outcome: 'handshake-timeout', names: false, perMille: 30 },
  full: { does: 'names others and has no slot', outcome: 'peer-full', names: true, perMille: 180 },
  slow: { does: 'answers HELLO late', outcome: 'ok', names: true, perMille: 15 },
  'other-network': { does: 'is on another well-known network', outcome: 'other-network', names: false, perMille: 10 },
  'unknown-network': {
    does: 'is on a network nobody has heard of',
    outcome: 'closed-before-hello',
    names: false,
    perMille: 5,
  },
  'other-range': { does: 'speaks newer overlay versions alone', outcome: 'ok', names: true, perMille: 10 },
  'cert-expired': { does: 'has an expired certificate', outcome: 'cert-expired', names: false, perMille: 5 },
  'cert-invalid': { does: 'has a certificate somebody else signed', outcome: 'cert-invalid', names: false, perMille: 5 },
  'malformed-peers': { does: 'sends PEERS that is cut short', outcome: 'corrupt-xdr', names: false, perMille: 5 },
  'odd-peers': {
    does: 'names private addresses, port 0 and ports out of range among others',
    outcome: 'ok',
    names: true,
    perMille: 10,
  },
  'ipv6-peers': { does: 'names IPv6 addresses among others', outcome: 'ok', names: true, perMille: 10 },
  'hundred-peers': { does: 'names a hundred addresses', outcome: 'ok', names: true, perMille: 5 },
  twin: { does: 'is at two addresses with one key, and takes each of us in once', outcome: 'ok', names: true, perMille: 10 },
  neighbour: { does: 'shares an address with another one, at another port', outcome: 'ok', names: true, perMille: 10 },
  'scp-flood': { does: 'floods SCP messages as far as it is allowed', outcome: 'ok', names: true, perMille: 5 },
  inventor: { does: 'invents validators', outcome: 'ok', names: true, perMille: 3 },
  drips: { does: 'sends its HELLO a byte at a time, for ever', outcome: 'handshake-timeout', names: false, perMille: 5 },
  'no-auth': { does: 'answers HELLO and not AUTH', outcome: 'handshake-timeout', names: false, perMille: 5 },
  http: { does: 'is an HTTP server', outcome: 'not-stellar', names: false, perMille: 5 },
} as const satisfies Record<string, KindInfo>;

/** Name of a kind of node. */
export type MockNodeKind = keyof typeof MOCK_NODE_KINDS;
