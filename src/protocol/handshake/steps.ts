/**
 * The handshake told step by step, for who wants to look: `explain`, a debugger, a test. Telling changes nothing.
 * @module
 */
import type { PeerRole } from '../auth/key-schedule.ts';
import type { AuthCert, MessageType } from '../wire/messages.ts';
import type { RemotePeer } from './hello.ts';

/**
 * One step of a handshake. Bytes in it are copies or never written to again. `secrets` is there only when the connection
 * was told to show them.
 */
export type HandshakeStep =
  | {
      /** The own keys. */
      readonly step: 'keys';
      readonly role: PeerRole;
      readonly peerID: string;
      readonly publicKey: Uint8Array;
      readonly ecdhPublicKey: Uint8Array;
      readonly secrets?: { readonly seed: Uint8Array; readonly ecdhSecret: Uint8Array };
    }
  | {
      /** The own cert: what is signed, its SHA-256, and the result. */
      readonly step: 'cert';
      readonly payload: Uint8Array;
      readonly digest: Uint8Array;
      readonly cert: AuthCert;
    }
  | {
      /** A record was sent or received; a received one is told when its MAC, where it must have one, is known to be good. */
      readonly step: 'sent' | 'received';
      readonly type: MessageType;
      /** Body of the record: version, sequence, StellarMessage, MAC. */
      readonly body: Uint8Array;
      /** Key of the MAC; absent for HELLO and ERROR_MSG, which have none. */
      readonly macKey?: 'K_AB' | 'K_BA';
    }
  | {
      /** A check on what the peer sent, in the order in which they are made. The first that does not hold ends the connection. */
      readonly step: 'check';
      readonly check: string;
      readonly ok: boolean;
      /** What the values are. */
      readonly detail: string;
    }
  | {
      /** HKDF-Extract: HMAC-SHA256 with 32 zero bytes as key over `q || pubA || pubB`. */
      readonly step: 'shared-key';
      readonly pubA: Uint8Array;
      readonly pubB: Uint8Array;
      readonly secrets?: { readonly q: Uint8Array; readonly sharedKey: Uint8Array };
    }
  | {
      /** HKDF-Expand: HMAC-SHA256 with the shared key over these inputs. */
      readonly step: 'mac-keys';
      readonly inputAB: Uint8Array;
      readonly inputBA: Uint8Array;
      readonly sendsWith: 'K_AB' | 'K_BA';
      readonly secrets?: { readonly K_AB: Uint8Array; readonly K_BA: Uint8Array };
    }
  | { readonly step: 'authenticated'; readonly remote: RemotePeer };

/** Receives the steps of a handshake. What it throws reaches nobody but breaks the connection: it should not throw. */
export type OnStep = (step: HandshakeStep) => void;
