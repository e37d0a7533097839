/**
 * The protocol over a MessagePort instead of a TCP socket, for example between a page and its worker. The same code works with
 * a WebSocket, or with anything that carries bytes in order. It uses no Node API, so it also runs in browsers. `npx tsx
 * examples/message-port-demo.ts` shows it. Outside this repository the imports are `from 'stellar-handshake/protocol'` and
 * `from 'stellar-handshake/crypto/web'`.
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

/** The part of `MessagePort` that is used, in browsers and in Node. */
export interface Port {
  onmessage: ((event: { readonly data: Uint8Array | null }) => void) | null;
  /** Bytes, or null for the end of the stream: in most browsers, closing a port does not notify the other end. */
  postMessage(bytes: Uint8Array | null): void;
  close(): void;
}

/** What an application does with a connection. */
export interface PortConnection {
  /** Resolves when the peer has proved its identity; rejects with an OverlayError that gives the reason. */
  readonly authenticated: Promise<RemotePeer>;
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<OverlayError>;
  send(message: SendableMessage): void;
  close(): void;
}

const TICK_MS = 5_000;
const HANDSHAKE_MS = 10_000;

/** Begins a connection over a port, with a new identity. */
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
  authenticated.catch(() => {}); // A caller that does not use it gets no unhandled rejection.
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
      peer.release(event.message); // The message is handled: its credit goes back to the peer.
    }
    if (event?.type !== 'closed') return;
    clearInterval(ticks);
    clearTimeout(deadline);
    refuse(event.error);
    end(event.error);
    // Send the remaining output: a last ERROR_MSG may be in it.
    flush();
    port.postMessage(null);
    port.close();
  }

  /** Gives the pending output to the port. */
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

/** The time by both clocks: certificates need the date, timeouts need the monotonic clock. */
function now(): Now {
  return { unixSeconds: Date.now() / 1000, monotonicMs: performance.now() };
}

function random32(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32));
}
