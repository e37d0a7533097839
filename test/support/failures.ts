/** Every failure of a handshake, played by a mock node, with the expected report to the operator. */
import { expect } from 'vitest';
import { NodeIdentity, networks } from '../../src/index.ts';
import { type ERROR_TABLE, PEER_ERROR_TABLE } from '../../src/protocol/error-table.ts';
import type { OverlayErrorJson } from '../../src/protocol/errors.ts';
import type { MockScript } from '../../src/testing/index.ts';

/** A node that does something wrong. */
export interface Failure {
  readonly exit: number;
  readonly code: keyof typeof ERROR_TABLE;
  readonly cause: string;
  readonly stage: OverlayErrorJson['stage'];
  /** The script of the node. If it gets an ERROR_MSG, it checks the text. */
  readonly node: MockScript;
  readonly args?: readonly string[];
  /** Whether the peer had proved enough to be named. */
  readonly remote?: boolean;
}

/** An ERROR_MSG right after the HELLOs, as the reference refuses. */
const refusal =
  (code: 'ERR_CONF' | 'ERR_LOAD' | 'ERR_MISC' | 'ERR_AUTH' | 'ERR_DATA', text: string): MockScript =>
  async (peer) => {
    await peer.expect('HELLO');
    peer.hello();
    peer.error(code, text);
    await peer.expectEnd();
  };

/** An ERROR_MSG after the handshake. */
const refusalAfterAuth =
  (code: 'ERR_LOAD' | 'ERR_MISC', text: string): MockScript =>
  async (peer) => {
    await peer.expect('HELLO');
    peer.hello();
    await peer.expect('AUTH');
    peer.auth();
    peer.error(code, text);
    await peer.expectEnd();
  };

const answer =
  (bytes: string): MockScript =>
  async (peer) => {
    peer.sendRaw(new Uint8Array(Buffer.from(bytes, 'latin1')));
    await peer.expectEnd();
  };

/** Exchanges HELLOs, and then receives until the end. */
const afterHello =
  (rest: MockScript): MockScript =>
  async (peer) => {
    await peer.expect('HELLO');
    peer.hello();
    await peer.expect('AUTH');
    await rest(peer);
    await peer.expectEnd();
  };

const hello =
  (options: Parameters<Parameters<MockScript>[0]['hello']>[0], told?: string): MockScript =>
  async (peer) => {
    await peer.expect('HELLO');
    peer.hello(options);
    if (told !== undefined) expect((await peer.expect('ERROR_MSG')).msg).toBe(told);
    await peer.expectEnd();
  };

/** By what the node does. */
export const FAILURES: Readonly<Record<string, Failure>> = {
  'silent after it has accepted the connection': {
    exit: 4,
    code: 'OVERLAY_HANDSHAKE_TIMEOUT',
    cause: 'handshake-timeout',
    stage: 'hello',
    args: ['--timeout', '3s'],
    node: (peer) => peer.expectEnd(),
  },
  'silent after its HELLO': {
    exit: 4,
    code: 'OVERLAY_HANDSHAKE_TIMEOUT',
    cause: 'handshake-timeout',
    stage: 'auth',
    args: ['--timeout', '3s'],
    remote: true,
    node: afterHello(async () => {}),
  },
  'closed without a message after our HELLO': {
    exit: 4,
    code: 'OVERLAY_CONNECTION_CLOSED',
    cause: 'closed-before-hello',
    stage: 'hello',
    // One of the connections of the second look sends nothing.
    node: async (peer) => void (await peer.receiveBody()),
  },
  'closed before any byte': {
    exit: 4,
    code: 'OVERLAY_CLOSED_AT_ONCE',
    cause: 'closed-at-once',
    stage: 'hello',
    node: async () => {},
  },
  'reset after our HELLO': {
    exit: 4,
    code: 'OVERLAY_CONNECTION_RESET',
    cause: 'connection-reset',
    stage: 'hello',
    node: async (peer) => {
      await peer.receiveBody();
      peer.reset();
    },
  },
  'closed without a message after its HELLO': {
    exit: 4,
    code: 'OVERLAY_CONNECTION_CLOSED',
    cause: 'closed-before-auth',
    stage: 'auth',
    remote: true,
    node: async (peer) => {
      await peer.expect('HELLO');
      peer.hello();
      await peer.expect('AUTH');
    },
  },
  'closed without a message after AUTH': {
    exit: 4,
    code: 'OVERLAY_CONNECTION_CLOSED',
    cause: 'closed-by-peer',
    stage: 'channel',
    remote: true,
    node: async (peer) => {
      await peer.handshake();
      await peer.expect('SEND_MORE_EXTENDED');
    },
  },
  'reset after its HELLO': {
    exit: 4,
    code: 'OVERLAY_CONNECTION_RESET',
    cause: 'connection-reset',
    stage: 'auth',
    remote: true,
    node: async (peer) => {
      await peer.expect('HELLO');
      peer.hello();
      await peer.expect('AUTH');
      peer.reset();
    },
  },
  'an HTTP server': {
    exit: 6,
    code: 'OVERLAY_NOT_STELLAR',
    cause: 'not-stellar',
    stage: 'hello',
    node: answer('HTTP/1.1 400 Bad Request\r\n\r\n'),
  },
  'a TLS server': {
    exit: 6,
    code: 'OVERLAY_NOT_STELLAR',
    cause: 'not-stellar',
    stage: 'hello',
    node: answer('\x15\x03\x01\x00\x02\x02\x46'),
  },
  'an SSH server': {
    exit: 6,
    code: 'OVERLAY_NOT_STELLAR',
    cause: 'not-stellar',
    stage: 'hello',
    node: answer('SSH-2.0-OpenSSH_9.2\r\n'),
  },
  'a MySQL server': {
    exit: 6,
    code: 'OVERLAY_NOT_STELLAR',
    cause: 'not-stellar',
    stage: 'hello',
    node: answer('\x4a\x00\x00\x00\x0a5.7.44\x00\x08'),
  },
  'a server with an unknown protocol': {
    exit: 6,
    code: 'OVERLAY_NOT_STELLAR',
    cause: 'not-stellar',
    stage: 'hello',
    node: answer('\x00\x00\x00\x08\x01\x02\x03\x04\x05\x06\x07\x08'),
  },
  'a HELLO that is not well-formed': {
    exit: 6,
    code: 'OVERLAY_CORRUPT_XDR',
    cause: 'corrupt-xdr',
    stage: 'hello',
    node: answer(`\x80\x00\x00\x14${'\x00'.repeat(15)}\x0d${'\x00'.repeat(4)}`),
  },
  'a record longer than allowed': {
    exit: 6,
    code: 'OVERLAY_RECORD_LENGTH',
    cause: 'record-length',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => peer.sendHeader(4097)),
  },
  'malformed bytes': {
    exit: 6,
    code: 'OVERLAY_CORRUPT_XDR',
    cause: 'corrupt-xdr',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => {
      peer.sendHeader(8);
      peer.sendRaw(new Uint8Array(8));
      expect((await peer.expect('ERROR_MSG')).msg).toBe('received corrupt XDR');
    }),
  },
  'certificate expired': {
    exit: 6,
    code: 'OVERLAY_CERT_EXPIRED',
    cause: 'cert-expired',
    stage: 'hello',
    node: hello({ certSeconds: -30 }),
  },
  'certificate signed by another key': {
    exit: 6,
    code: 'OVERLAY_CERT_INVALID',
    cause: 'cert-invalid',
    stage: 'hello',
    node: hello({ certSignedBy: NodeIdentity.random() }),
  },
  'certificate for another network': {
    exit: 6,
    code: 'OVERLAY_CERT_INVALID',
    cause: 'cert-invalid',
    stage: 'hello',
    node: hello({ certNetwork: networks.testnet }),
  },
  'another network in the HELLO': {
    exit: 6,
    code: 'OVERLAY_WRONG_NETWORK',
    cause: 'wrong-network',
    stage: 'hello',
    remote: true,
    node: hello({ networkID: new Uint8Array(32) }, 'wrong network passphrase'),
  },
  'listening port 0': {
    exit: 6,
    code: 'OVERLAY_BAD_ADDRESS',
    cause: 'bad-address',
    stage: 'hello',
    remote: true,
    node: hello({ listeningPort: 0 }, 'bad address'),
  },
  'versions that do not overlap the chosen ones': {
    exit: 5,
    code: 'OVERLAY_WRONG_PROTOCOL_VERSION',
    cause: 'wrong-protocol-version',
    stage: 'hello',
    remote: true,
    args: ['--overlay-version', '37', '--overlay-min-version', '35'],
    node: hello({}, 'wrong protocol version'),
  },
  'wrong MAC': {
    exit: 6,
    code: 'OVERLAY_UNEXPECTED_MAC',
    cause: 'unexpected-mac',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => {
      peer.sendBadMac({ type: 'AUTH', flags: 200 });
      expect((await peer.expect('ERROR_MSG')).msg).toBe('unexpected MAC');
    }),
  },
  'wrong sequence': {
    exit: 6,
    code: 'OVERLAY_UNEXPECTED_SEQUENCE',
    cause: 'unexpected-sequence',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => {
      peer.skipSequence();
      peer.auth();
      expect((await peer.expect('ERROR_MSG')).msg).toBe('unexpected auth sequence');
    }),
  },
  'AUTH flags of an old node': {
    exit: 6,
    code: 'OVERLAY_FLOW_CONTROL_BYTES_DISABLED',
    cause: 'flow-control-bytes-disabled',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => {
      peer.auth(100);
      expect((await peer.expect('ERROR_MSG')).msg).toBe('flow control bytes disabled');
    }),
  },
  'AUTH before HELLO': {
    exit: 6,
    code: 'OVERLAY_OUT_OF_ORDER_AUTH',
    cause: 'out-of-order-auth',
    stage: 'hello',
    node: async (peer) => {
      peer.auth();
      await peer.expect('HELLO');
      expect((await peer.expect('ERROR_MSG')).msg).toBe('out-of-order AUTH message');
      await peer.expectEnd();
    },
  },
  'another message instead of AUTH': {
    exit: 6,
    code: 'OVERLAY_MESSAGE_BEFORE_HANDSHAKE',
    cause: 'message-before-handshake',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => peer.grant()),
  },
  'a second HELLO': {
    exit: 6,
    code: 'OVERLAY_UNEXPECTED_MAC',
    cause: 'unexpected-mac',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => peer.hello()),
  },
  'grant of zero bytes': {
    exit: 6,
    code: 'OVERLAY_INVALID_SEND_MORE_EXTENDED',
    cause: 'invalid-send-more-extended',
    stage: 'channel',
    remote: true,
    node: afterHello(async (peer) => {
      peer.auth();
      await peer.expect('SEND_MORE_EXTENDED');
      peer.grant(1, 0);
    }),
  },
  ...Object.fromEntries(
    (
      [
        ['ERR_CONF', 'wrong protocol version'],
        ['ERR_CONF', 'connecting to self'],
        ['ERR_CONF', 'wrong network passphrase'],
        ['ERR_CONF', 'bad address'],
        ['ERR_CONF', 'already-connected peer: GABCD'],
        ['ERR_CONF', 'flow control bytes disabled'],
        ['ERR_AUTH', 'unexpected auth sequence'],
        ['ERR_AUTH', 'unexpected MAC'],
        ['ERR_DATA', 'received corrupt XDR'],
        ['ERR_MISC', 'out-of-order AUTH message'],
      ] as const
    ).map(([code, text]) => [`told “${text}”`, told('auth', text, refusal(code, text))]),
  ),
  ...Object.fromEntries(
    (
      [
        ['ERR_LOAD', 'peer rejected'],
        ['ERR_LOAD', 'preferred peer selected instead'],
        ['ERR_LOAD', 'random disconnect due to out of sync'],
        ['ERR_MISC', 'shutdown'],
        ['ERR_MISC', 'dropped by user'],
      ] as const
    ).map(([code, text]) => [`told “${text}” after AUTH`, told('channel', text, refusalAfterAuth(code, text))]),
  ),
};

function told(stage: OverlayErrorJson['stage'], text: string, node: MockScript): Failure {
  const row = PEER_ERROR_TABLE.find((known) => text.startsWith(known.text));
  return { exit: 5, code: 'OVERLAY_PEER_ERROR', cause: row?.cause ?? 'missing', stage, remote: true, node };
}
