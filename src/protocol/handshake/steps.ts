/**
 * The steps of a handshake, for callers that want to observe it: `explain`, a debugger, a test. Observing changes nothing.
 * @module
 */
import type { PeerRole } from '../auth/key-schedule.ts';
import type { AuthCert, MessageType } from '../wire/messages.ts';
import type { RemotePeer } from './hello.ts';

/**
 * One step of a handshake. Its bytes are copies, or are never written to again. `secrets` is present only when the connection
 * is configured to show them.
 */
export type HandshakeStep =
  | {
      /** Our own keys. */
      readonly step: 'keys';
      readonly role: PeerRole;
      readonly peerID: string;
      readonly publicKey: Uint8Array;
      readonly ecdhPublicKey: Uint8Array;
      readonly secrets?: { readonly seed: Uint8Array; readonly ecdhSecret: Uint8Array };
    }
  | {
      /** Our own cert: the signed bytes, their SHA-256, and the result. */
      readonly step: 'cert';
      readonly payload: Uint8Array;
      readonly digest: Uint8Array;
      readonly cert: AuthCert;
    }
  | {
      /** A record was sent or received. A received record is reported after its MAC, if it must have one, has been verified. */
      readonly step: 'sent' | 'received';
      readonly type: MessageType;
      /** Body of the record: version, sequence, StellarMessage, MAC. */
      readonly body: Uint8Array;
      /** Key of the MAC; absent for HELLO and ERROR_MSG, which have no MAC. */
      readonly macKey?: 'K_AB' | 'K_BA';
    }
  | {
      /** A check of what the peer sent, in order. The first check that fails ends the connection. */
      readonly step: 'check';
      readonly check: string;
      readonly ok: boolean;
      /** Description of the values. */
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

/** Receives the steps of a handshake. It should not throw: an exception ends the connection, and no caller gets it directly. */
export type OnStep = (step: HandshakeStep) => void;
