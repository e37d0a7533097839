/**
 * For tests of applications and of this package: an in-memory pair, a peer and a whole network that misbehave on demand, and a
 * manual clock.
 * @module stellar-handshake/testing
 */

export type { TcpAddress } from '../net/connection-info.ts';
export { ManualClock } from './clock.ts';
export { MockLedgers, type MockLedgersOptions } from './mock-ledgers.ts';
export {
  type KindInfo,
  MOCK_NODE_KINDS,
  type MockNetwork,
  type MockNetworkNode,
  type MockNetworkOptions,
  type MockNodeKind,
  type MockValidator,
  type MockValidatorState,
  mockNetwork,
} from './mock-network.ts';
export { type MockNode, mockDial, mockNode } from './mock-node.ts';
export { type MockPair, type MockPairOptions, mockPair } from './mock-pair.ts';
export {
  type HelloOptions,
  type MockKeys,
  MockPeer,
  type MockPeerOptions,
  type MockScript,
  UnexpectedByMock,
} from './mock-peer.ts';
export { type CloseOptions, type MockLedger, MockValidators, type MockValidatorsOptions, mockTxSet } from './mock-validators.ts';
export { connectedPair, type PairSideOptions } from './pair.ts';
export { acceptTcp, dialTcp, type TcpAcceptor } from './tcp.ts';
