/**
 * The handshake: HELLO and AUTH of both roles, in stellar-core's order (protocol.md section 4).
 * @module
 */
import { authCertPayload } from '../auth/auth-cert.ts';
import type { CryptoProvider } from '../auth/crypto.ts';
import { deriveMacKeys, macKeyInput, type PeerRole, sendingKeyName, sides } from '../auth/key-schedule.ts';
import { isAllZero } from '../bytes.ts';
import { MacReceiver, MacSender } from '../channel/mac.ts';
import type { Now } from '../clock.ts';
import { AUTH_MSG_FLAG_FLOW_CONTROL_BYTES_REQUESTED } from '../constants.ts';
import { ProtocolViolation } from '../violation.ts';
import type { Hello, PeerAddress, StellarMessage } from '../wire/messages.ts';
import {
  CERT_CHECKS,
  COMPATIBILITY_CHECKS,
  type HelloCheck,
  type HelloPolicy,
  IDENTITY_CHECKS,
  makeHello,
  type RemotePeer,
  remotePeer,
} from './hello.ts';
import { type OverlayRange, rangeFor } from './overlay-range.ts';
import type { OnStep } from './steps.ts';

/** Sequence and MAC of both directions. They exist from the first accepted HELLO on. */
export interface Macs {
  readonly sender: MacSender;
  readonly receiver: MacReceiver;
}

/** State of a connection. Each state has only the values that are valid in it (stellar-core's Peer::PeerState). */
export type HandshakeState =
  | { readonly name: 'CONNECTED' }
  | { readonly name: 'GOT_HELLO'; readonly macs: Macs }
  | { readonly name: 'GOT_AUTH'; readonly macs: Macs };

/** Options of a handshake. */
export interface HandshakeOptions extends HelloPolicy {
  readonly role: PeerRole;
  readonly crypto: CryptoProvider;
  /** 32 random bytes, drawn for this connection. */
  readonly nonce: Uint8Array;
  /** Whether an acceptor answers a peer without a common overlay version with that peer's own range. */
  readonly adaptOverlayRange?: boolean | undefined;
  /** Addresses that an acceptor sends in PEERS after AUTH, at most 100; stellar-core sends 50. Empty: PEERS is not sent. */
  readonly peers?: readonly PeerAddress[] | undefined;
  /** Takes a slot for an authenticated peer; false when none is free. */
  readonly takeSlot?: ((peerID: string) => boolean) | undefined;
  readonly onStep?: OnStep | undefined;
  /** Whether the steps contain seed, ECDH secret and derived keys. */
  readonly unsafeStepSecrets?: boolean | undefined;
}

/** The state machine of one connection. It sends through the given function, and throws to end the connection. */
export class Handshake {
  #options: HandshakeOptions;
  readonly #send: (message: StellarMessage) => void;
  #state: HandshakeState = { name: 'CONNECTED' };
  #remote: RemotePeer | undefined;
  #macs: Macs | undefined;

  constructor(options: HandshakeOptions, send: (message: StellarMessage) => void) {
    this.#options = options;
    this.#send = send;
  }

  get state(): HandshakeState {
    return this.#state;
  }

  /** The peer, as soon as its cert has been verified. */
  get remote(): RemotePeer | undefined {
    return this.#remote;
  }

  /** The overlay versions that our HELLO advertises. */
  get overlayRange(): OverlayRange {
    const { overlayVersion, overlayMinVersion } = this.#options;
    return { overlayVersion, overlayMinVersion };
  }

  /** TCP is connected: the side that dialled sends HELLO. */
  start(now: Now): void {
    if (this.#options.role === 'WE_CALLED_REMOTE') this.#sendHello(now);
  }

  /**
   * Handles HELLO (section 4.4).
   * @throws {ProtocolViolation} the code of the first check that fails
   */
  receiveHello(hello: Hello, body: Uint8Array, now: Now): RemotePeer {
    if (this.#state.name !== 'CONNECTED') throw new ProtocolViolation('OVERLAY_UNEXPECTED_HELLO');
    this.#options.onStep?.({ step: 'received', type: 'HELLO', body });
    this.#check(CERT_CHECKS, hello, now);
    const remote = remotePeer(hello);
    this.#remote = remote;
    this.#check(IDENTITY_CHECKS, hello, now);
    const macs = this.#deriveMacs(hello);
    this.#macs = macs;
    // Subtle: the acceptor sends its HELLO before it refuses, so that the dialler learns its versions and can read the error.
    if (this.#options.role === 'REMOTE_CALLED_US') {
      if (this.#options.adaptOverlayRange) this.#options = { ...this.#options, ...rangeFor(this.overlayRange, hello) };
      this.#sendHello(now);
    }
    this.#check(COMPATIBILITY_CHECKS, hello, now);
    this.#state = { name: 'GOT_HELLO', macs };
    if (this.#options.role === 'WE_CALLED_REMOTE') this.#sendAuth();
    return remote;
  }

  /**
   * Handles AUTH. If a HELLO came before, its sequence and MAC have been verified (section 4.5).
   * @throws {ProtocolViolation} OVERLAY_OUT_OF_ORDER_AUTH, OVERLAY_FLOW_CONTROL_BYTES_DISABLED, OVERLAY_PEER_REJECTED
   */
  receiveAuth(flags: number, body: Uint8Array): RemotePeer {
    const { role, peers, takeSlot, onStep } = this.#options;
    if (this.#state.name !== 'GOT_HELLO') throw new ProtocolViolation('OVERLAY_OUT_OF_ORDER_AUTH');
    const remote = this.#remote as RemotePeer;
    onStep?.({ step: 'received', type: 'AUTH', body, macKey: role === 'WE_CALLED_REMOTE' ? 'K_BA' : 'K_AB' });
    onStep?.({
      step: 'check',
      check: 'sequence 0 and MAC good',
      ok: true,
      detail: 'The peer holds the same keys: its identity is proved.',
    });
    // Subtle: AUTH and PEERS are sent before the flags are checked, so that a refused dialler still learns addresses.
    if (role === 'REMOTE_CALLED_US') {
      this.#sendAuth();
      if (peers !== undefined && peers.length > 0) this.#send({ type: 'PEERS', peers });
    }
    const good = flags === AUTH_MSG_FLAG_FLOW_CONTROL_BYTES_REQUESTED;
    onStep?.({ step: 'check', check: 'flags 200', ok: good, detail: `The flags are ${flags}.` });
    if (!good)
      throw new ProtocolViolation(
        'OVERLAY_FLOW_CONTROL_BYTES_DISABLED',
        `The flags of the peer’s AUTH are ${flags} instead of 200.`,
      );
    if (takeSlot?.(remote.peerID) === false) throw new ProtocolViolation('OVERLAY_PEER_REJECTED');
    this.#state = { name: 'GOT_AUTH', macs: this.#state.macs };
    onStep?.({ step: 'authenticated', remote });
    return remote;
  }

  /** Overwrites the MAC keys, also those of a HELLO that was refused after they were derived. */
  wipe(): void {
    this.#macs?.sender.wipe();
    this.#macs?.receiver.wipe();
  }

  #sendHello(now: Now): void {
    const { peerAuth, nonce, crypto, onStep, role, unsafeStepSecrets } = this.#options;
    const hello = makeHello(this.#options, nonce, now);
    if (onStep !== undefined) {
      const { identity, ecdh, networkID } = peerAuth;
      onStep({
        step: 'keys',
        role,
        peerID: peerAuth.peerID,
        publicKey: identity.publicKey,
        ecdhPublicKey: ecdh.publicKey,
        ...(unsafeStepSecrets && { secrets: { seed: identity.unsafeExportSeed(), ecdhSecret: ecdh.unsafeExportSecret() } }),
      });
      const payload = authCertPayload(networkID, hello.cert.expiration, hello.cert.pubkey);
      onStep({ step: 'cert', payload, digest: crypto.sha256(payload), cert: hello.cert });
    }
    this.#send({ type: 'HELLO', ...hello });
  }

  #sendAuth(): void {
    this.#send({ type: 'AUTH', flags: AUTH_MSG_FLAG_FLOW_CONTROL_BYTES_REQUESTED });
  }

  #check(checks: readonly HelloCheck[], hello: Hello, now: Now): void {
    for (const { check, code, holds, detail } of checks) {
      const ok = holds(hello, this.#options, now);
      if (ok && this.#options.onStep === undefined) continue;
      const text = detail(hello, this.#options, now, ok);
      this.#options.onStep?.({ step: 'check', check, ok, detail: text });
      if (!ok) throw new ProtocolViolation(code, text, refusal(code, hello));
    }
  }

  /** Derives the keys from the peer's HELLO (section 4.4, check 5). The nonce is used here and not kept. */
  #deriveMacs(hello: Hello): Macs {
    const { peerAuth, crypto, role, nonce, onStep, unsafeStepSecrets } = this.#options;
    const sharedKey = peerAuth.sharedKey(role, hello.cert.pubkey);
    const small = sharedKey === undefined;
    onStep?.({
      step: 'check',
      check: 'X25519 key not of small order',
      ok: !small,
      detail: `X25519 gives ${small ? 'zero' : 'a secret'}.`,
    });
    if (sharedKey === undefined) throw new ProtocolViolation('OVERLAY_BAD_ECDH_KEY');
    const nonces = sides(role, nonce, hello.nonce);
    const keys = deriveMacKeys(crypto, sharedKey, nonces);
    const sendsWith = sendingKeyName(role);
    if (onStep !== undefined) {
      const { a: pubA, b: pubB } = sides(role, peerAuth.ecdh.publicKey, hello.cert.pubkey);
      const q = unsafeStepSecrets ? peerAuth.ecdh.sharedSecret(hello.cert.pubkey) : undefined;
      onStep({ step: 'shared-key', pubA, pubB, ...(q && { secrets: { q, sharedKey } }) });
      onStep({
        step: 'mac-keys',
        inputAB: macKeyInput('K_AB', nonces),
        inputBA: macKeyInput('K_BA', nonces),
        sendsWith,
        ...(unsafeStepSecrets && { secrets: { K_AB: keys.K_AB.slice(), K_BA: keys.K_BA.slice() } }),
      });
    }
    const [sending, receiving] = sendsWith === 'K_AB' ? [keys.K_AB, keys.K_BA] : [keys.K_BA, keys.K_AB];
    const macs = {
      sender: new MacSender(crypto.macKey(sending)),
      receiver: new MacReceiver(isAllZero(receiving) ? null : crypto.macKey(receiving)),
    };
    sending.fill(0);
    receiving.fill(0);
    return macs;
  }
}

/** The one refusal whose text depends on the peer: it contains the first five characters of the peer's key. */
function refusal(code: ProtocolViolation['code'], hello: Hello): ProtocolViolation['details'] {
  if (code !== 'OVERLAY_ALREADY_CONNECTED') return {};
  const message = `already-connected peer: ${hello.peerID.slice(0, 5)}`;
  return { told: { code: 'ERR_CONF', message }, dropReason: message };
}
