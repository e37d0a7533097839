/** Code that the compiler must refuse, and types that it must infer. `npm run types` checks this; nothing is sent here. */
import type { Duplex } from 'node:stream';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { auditAcceptor, auditInitiator, type CaseResult, refusal } from '../../src/audit/index.ts';
import { CaptureDecoder, type MacVerdict } from '../../src/capture/index.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { sodiumCrypto } from '../../src/crypto/sodium.ts';
import { webCrypto } from '../../src/crypto/web.ts';
import {
  type Connection,
  type ConnectionInfo,
  type ConnectOptions,
  connect,
  type ListenerEvent,
  type ListenOptions,
  listen,
  networks,
  OverlayError,
  type OverlayErrorCode,
  type PeerRole,
  type ReceivedMessage,
  type SCPEnvelope,
  type SCPPledges,
  type SendableMessage,
  type StellarMessage,
  type TcpAddress,
} from '../../src/index.ts';
import { type ProbeResult, probe, type Target } from '../../src/probe/index.ts';
import { PeerAuth, verifySCPEnvelope as verifyWith } from '../../src/protocol/index.ts';

const network = networks.standalone;
const seed = new Uint8Array(32);

/** Compiled and never called. */
function _audits(dial: () => Promise<Duplex>): void {
  // @ts-expect-error an audit needs the network
  void auditAcceptor(dial, {});
  // @ts-expect-error a dialling target is audited one connection after the other
  void auditInitiator(dial, { network, concurrency: 2 });
  // @ts-expect-error no such severity
  void auditAcceptor(dial, { network, severity: 'mild' });
  // @ts-expect-error an ERROR_MSG code that does not exist
  void refusal('ERR_OOPS', 'oops');
}

/** Compiled and never called. */
async function _published(connection: Connection, target: Target): Promise<void> {
  // @ts-expect-error a provider has all of its functions
  void connect({ host: 'localhost', network, crypto: { sha256: nodeCrypto.sha256 } });
  // @ts-expect-error a networkID is text
  void new PeerAuth(nodeCrypto, nodeCrypto.signingKey(seed), nodeCrypto.ecdhKey(seed), seed);
  // @ts-expect-error without node:crypto a provider is required
  void verifyWith({} as SCPEnvelope, network);
  // @ts-expect-error a probe needs the network
  void probe(target, {});
  // @ts-expect-error an id does not change
  connection.id = 'mine';
  expectTypeOf(connection.info).toEqualTypeOf<ConnectionInfo>();
  expectTypeOf(connection.localAddress).toEqualTypeOf<TcpAddress | undefined>();
  expectTypeOf(probe).returns.resolves.toEqualTypeOf<ProbeResult>();
  for (const item of new CaptureDecoder().push(seed))
    if (item.kind === 'record') expectTypeOf(item.mac).toEqualTypeOf<MacVerdict>();
  for await (const message of connection) {
    if (message.type === 'SCP_QUORUMSET') expectTypeOf(message.qSetHash).toEqualTypeOf<Uint8Array>();
    // @ts-expect-error no other message has it
    else void message.qSetHash;
  }
}

/** Compiled and never called. */
function _refused(connection: Connection): void {
  // @ts-expect-error a message that does not exist
  void connection.send({ type: 'GET_PEERS' });
  // @ts-expect-error a field is missing
  void connection.send({ type: 'GET_TX_SET' });
  // @ts-expect-error a field of another message
  void connection.send({ type: 'GET_TX_SET', qSetHash: new Uint8Array(32) });
  // @ts-expect-error a field of another type
  void connection.send({ type: 'GET_SCP_STATE', ledgerSeq: '0' });
  // @ts-expect-error a 64-bit number is a bigint
  const _statement: SCPPledges = { type: 'SCP_ST_CONFIRM', nH: 1n };
  // @ts-expect-error the connection sends HELLO itself
  void connection.send({ type: 'HELLO' } as Extract<StellarMessage, { type: 'HELLO' }>);
  // @ts-expect-error and AUTH
  void connection.send({ type: 'AUTH', flags: 200 });
  // @ts-expect-error and grants
  void connection.send({ type: 'SEND_MORE_EXTENDED', numMessages: 1, numBytes: 1 });
  // @ts-expect-error and ERROR_MSG
  void connection.send({ type: 'ERROR_MSG', code: 'ERR_MISC', msg: '' });
  // @ts-expect-error a misspelt option
  void connect({ host: 'localhost', network, lisenPort: 1 });
  // @ts-expect-error the name contains the unit
  void connect({ host: 'localhost', network, handshakeTimeout: 1 });
  // @ts-expect-error no such value
  void connect({ host: 'localhost', network, ecdh: 'per-day' });
  // @ts-expect-error connect needs a host
  void connect({ network });
  // @ts-expect-error both need a network
  void listen({ port: 0 });
  // @ts-expect-error a network is not its name
  void connect({ host: 'localhost', network: 'pubnet' });
  // @ts-expect-error expectedPeerID is an option of the side that dials
  void listen({ network, expectedPeerID: 'G' });
  // @ts-expect-error limits of connections are options of the side that listens
  void connect({ host: 'localhost', network, maxPendingConnections: 1 });
  // @ts-expect-error facts about the peer do not change
  connection.remote.peerID = 'G';
  // @ts-expect-error a code that does not exist
  void new OverlayError('OVERLAY_OOPS', { stage: 'tcp' });
  // @ts-expect-error an error has a stage
  void new OverlayError('OVERLAY_CLOSED', {});
}

/** Compiled and never called. */
async function _known(connection: Connection, other: Connection, event: ListenerEvent): Promise<void> {
  for await (const message of connection) {
    expectTypeOf(message).toEqualTypeOf<ReceivedMessage>();
    await other.send(message);
    switch (message.type) {
      case 'GET_SCP_STATE':
        expectTypeOf(message.ledgerSeq).toEqualTypeOf<number>();
        break;
      case 'SCP_MESSAGE':
        expectTypeOf(message.envelope.statement.slotIndex).toEqualTypeOf<bigint>();
        if (message.envelope.statement.pledges.type === 'SCP_ST_NOMINATE') {
          expectTypeOf(message.envelope.statement.pledges.votes).toEqualTypeOf<readonly Uint8Array[]>();
        }
        break;
      case 'PEERS':
        expectTypeOf(message.peers[0]).toEqualTypeOf<
          { readonly ip: string; readonly port: number; readonly numFailures: number } | undefined
        >();
        break;
      case 'UNKNOWN':
        expectTypeOf(message.typeNumber).toEqualTypeOf<number>();
        break;
      default:
        expectTypeOf(message.xdr).toEqualTypeOf<Uint8Array>();
    }
    // @ts-expect-error HELLO and AUTH are never delivered
    if (message.type === 'HELLO') return;
    // @ts-expect-error a field of one message only, before its type is known
    void message.ledgerSeq;
  }
  if (event.event === 'refused') expectTypeOf(event.error).toEqualTypeOf<OverlayError>();
  if (event.event === 'authenticated') expectTypeOf(event.connection).toEqualTypeOf<Connection>();
  // @ts-expect-error a connection that has just come has no error
  if (event.event === 'connected') void event.error;
}

describe('the types of the library', () => {
  it('allow an application to send every message that it receives', () => {
    expectTypeOf<ReceivedMessage>().toExtend<SendableMessage>();
    expectTypeOf<ReceivedMessage['xdr']>().toEqualTypeOf<Uint8Array>();
    expectTypeOf<SendableMessage['type']>().not.toEqualTypeOf<StellarMessage['type']>();
    expectTypeOf<Extract<SendableMessage, { type: 'HELLO' | 'AUTH' | 'ERROR_MSG' | 'SEND_MORE' }>>().toBeNever();
  });

  it('give the functions their parameters and return types', () => {
    expectTypeOf(connect).returns.resolves.toEqualTypeOf<Connection>();
    expectTypeOf(connect).parameters.toEqualTypeOf<[ConnectOptions]>();
    expectTypeOf(listen).parameters.toEqualTypeOf<[ListenOptions]>();
    expectTypeOf<Connection['role']>().toEqualTypeOf<PeerRole>();
    expectTypeOf<Connection>().toExtend<AsyncDisposable & AsyncIterable<ReceivedMessage>>();
    expectTypeOf<Awaited<Connection['ended']>>().toEqualTypeOf<OverlayError>();
    expectTypeOf<OverlayError['code']>().toEqualTypeOf<OverlayErrorCode>();
    expectTypeOf<Connection['credit']>().toEqualTypeOf<{ readonly messages: bigint; readonly bytes: bigint }>();
  });

  it('have a value at run time for every exported name', () => {
    for (const value of [connect, listen, OverlayError]) expect(value).toBeTypeOf('function');
    expect(Object.keys(networks)).toEqual(['pubnet', 'testnet', 'futurenet', 'standalone']);
    expect([_refused, _known, _audits, _published].map(({ length }) => length)).toEqual([1, 3, 1, 2]);
    expectTypeOf(webCrypto).toEqualTypeOf(nodeCrypto);
    expectTypeOf(sodiumCrypto).toEqualTypeOf(nodeCrypto);
    expectTypeOf(auditAcceptor).returns.toExtend<AsyncIterable<CaseResult>>();
    expectTypeOf<CaseResult['verdict']>().toEqualTypeOf<'pass' | 'differs' | 'fail' | 'not-applicable' | 'undecided'>();
  });
});
