/**
 * The protocol over something that is no TCP socket: a MessagePort, as between a page and its worker. The same lines put it
 * on a WebSocket: whatever carries bytes in order will do. Nothing here is Node's, so that it runs in browsers, too.
 * `npx tsx examples/message-port-demo.ts` shows it. Outside this repository the imports are
 * `from 'stellar-handshake/protocol'` and `from 'stellar-handshake/crypto/web'`.
 */
import { webCrypto } from '../src/crypto/web.ts';
import {
  type Network,
  type Now,
  type OverlayError,
  Peer,
  PeerAuth,
  type PeerEvent,
  type PeerRole,
  type ReceivedMessage,
  type RemotePeer,
  type SendableMessage,
} from '../src/protocol/index.ts';

/** What is needed of a port: `MessagePort` has it, in browsers and in Node. */
export interface Port {
  onmessage: ((event: { readonly data: Uint8Array | null }) => void) | null;
  /** Bytes, or null for the end of the stream: a port that is closed tells the other end nothing in most browsers. */
  postMessage(bytes: Uint8Array | null): void;
  close(): void;
}

/** What an application does with a connection. */
export interface PortConnection {
  /** Resolves when the peer has proved who it is; rejects with an OverlayError that says why not. */
  readonly authenticated: Promise<RemotePeer>;
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<OverlayError>;
  send(message: SendableMessage): void;
  close(): void;
}

const TICK_MS = 5_000;
const HANDSHAKE_MS = 10_000;

/** Begins a connection over a port, with a fresh identity. */
export function openOverPort(
  port: Port,
  role: PeerRole,
  { networkID }: Network,
  onMessage: (message: ReceivedMessage) => void,
): PortConnection {
  let authenticate!: (remote: RemotePeer) => void;
  let refuse!: (error: OverlayError) => void;
  let end!: (error: OverlayError) => void;
  const authenticated = new Promise<RemotePeer>((resolve, reject) => {
    authenticate = resolve;
    refuse = reject;
  });
  authenticated.catch(() => {}); // Whoever wants to know asks.
  const ended = new Promise<OverlayError>((resolve) => {
    end = resolve;
  });
  const peer = new Peer({
    role,
    crypto: webCrypto,
    nonce: random32(),
    peerAuth: new PeerAuth(webCrypto, webCrypto.signingKey(random32()), webCrypto.ecdhKey(random32()), networkID),
    ...{ overlayVersion: 42, overlayMinVersion: 38, ledgerVersion: 27, versionStr: 'message-port example', listeningPort: 11625 },
    scpStateLedgerSeq: null,
  });

  function handle(event: PeerEvent | undefined): void {
    if (event?.type === 'authenticated') authenticate(event.remote);
    if (event?.type === 'message') {
      onMessage(event.message);
      peer.release(event.message); // Done with it: its credit goes back to the peer.
    }
    if (event?.type !== 'closed') return;
    clearInterval(ticks);
    clearTimeout(deadline);
    refuse(event.error);
    end(event.error);
    // What has been sent still arrives, and a last ERROR_MSG may be in it.
    flush();
    port.postMessage(null);
    port.close();
  }

  /** Hands what has to be sent to the port. */
  function flush(): void {
    const output = peer.takeOutput(now());
    if (output !== undefined) port.postMessage(output);
  }

  const ticks = setInterval(() => {
    handle(peer.tick(now()));
    flush();
  }, TICK_MS);
  const deadline = setTimeout(() => {
    if (!peer.authenticated) handle(peer.close('OVERLAY_HANDSHAKE_TIMEOUT'));
  }, HANDSHAKE_MS);
  port.onmessage = ({ data }) => {
    if (data === null) return handle(peer.close('OVERLAY_CONNECTION_CLOSED'));
    peer.push(data);
    for (let event = peer.next(now()); event !== undefined; event = peer.next(now())) handle(event);
    flush();
  };
  handle(peer.start(now()));
  flush();

  return {
    authenticated,
    ended,
    send(message) {
      peer.send(message, (error) => {
        if (error !== undefined) throw error;
      });
      flush();
    },
    close: () => handle(peer.close('OVERLAY_CLOSED')),
  };
}

/** The moment by both clocks: certificates are dated, and silence is measured. */
function now(): Now {
  return { unixSeconds: Date.now() / 1000, monotonicMs: performance.now() };
}

function random32(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32));
}
