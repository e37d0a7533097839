/**
 * HELLO: what we send in it, and every check of the peer's HELLO, in stellar-core's order (protocol.md section 4.4).
 * @module
 */
import type { PeerAuth } from '../auth/peer-auth.ts';
import { equalBytes, toHex } from '../bytes.ts';
import type { Now } from '../clock.ts';
import type { OverlayErrorCode } from '../error-table.ts';
import { withJson } from '../json.ts';
import { networkName } from '../networks.ts';
import type { Hello } from '../wire/messages.ts';
import { type OverlayRange, sharesVersion } from './overlay-range.ts';

/** What a peer sent about itself in a HELLO with a valid cert. Only `peerID` is proved, and only after AUTH. */
export interface RemotePeer {
  /** ed25519 identity, `G…`. */
  readonly peerID: string;
  /** Free text; may contain any character. */
  readonly versionStr: string;
  readonly ledgerVersion: number;
  readonly overlayVersion: number;
  readonly overlayMinVersion: number;
  readonly listeningPort: number;
  /** 32 bytes as lower-case hex. */
  readonly networkID: string;
  /** Unix seconds. */
  readonly certExpirationSeconds: bigint;
}

/** What our HELLO contains, and which peers we accept. */
export interface HelloPolicy extends OverlayRange {
  readonly peerAuth: PeerAuth;
  readonly ledgerVersion: number;
  readonly versionStr: string;
  readonly listeningPort: number;
  /** The only peerID accepted, `G…`. */
  readonly expectedPeerID?: string | undefined;
  /** Whether a peerID is banned. */
  readonly isBanned?: ((peerID: string) => boolean) | undefined;
  /** Reserves a peerID for this connection; false when another pending or authenticated connection has it. */
  readonly claimPeerID?: ((peerID: string) => boolean) | undefined;
}

/** One check. `detail` describes the values, whether the check passes or not. */
export interface HelloCheck {
  /** Short name: the rule in words. */
  readonly check: string;
  readonly code: OverlayErrorCode;
  holds(hello: Hello, policy: HelloPolicy, now: Now): boolean;
  detail(hello: Hello, policy: HelloPolicy, now: Now, ok: boolean): string;
}

/** Our HELLO. @param nonce 32 random bytes of this connection */
export function makeHello(policy: HelloPolicy, nonce: Uint8Array, now: Now): Hello {
  const { peerAuth, ledgerVersion, overlayVersion, overlayMinVersion, versionStr, listeningPort } = policy;
  return {
    ledgerVersion,
    overlayVersion,
    overlayMinVersion,
    networkID: peerAuth.networkIDBytes,
    versionStr,
    listeningPort,
    peerID: peerAuth.peerID,
    cert: peerAuth.cert(now.unixSeconds),
    nonce,
  };
}

/** The peer in the form of the API. JSON.stringify writes its bigint as digits. */
export function remotePeer(hello: Hello): RemotePeer {
  const { peerID, versionStr, ledgerVersion, overlayVersion, overlayMinVersion, listeningPort, networkID, cert } = hello;
  return withJson({
    peerID,
    versionStr,
    ledgerVersion,
    overlayVersion,
    overlayMinVersion,
    listeningPort,
    networkID: toHex(networkID),
    certExpirationSeconds: cert.expiration,
  });
}

/** Checks 2 and 3, before any other field of HELLO is used. When one fails, the connection is dropped and nothing is sent. */
export const CERT_CHECKS: readonly HelloCheck[] = [
  {
    check: 'certificate not expired',
    code: 'OVERLAY_CERT_EXPIRED',
    holds: ({ cert }, _policy, now) => cert.expiration >= BigInt(Math.floor(now.unixSeconds)),
    detail: ({ cert }, _policy, now) => {
      const left = cert.expiration - BigInt(Math.floor(now.unixSeconds));
      return left >= 0n
        ? `The certificate is valid for another ${left} s.`
        : `The peer’s certificate expired ${-left} s ago by our clock.`;
    },
  },
  {
    check: 'certificate signed by the peerID for our network',
    code: 'OVERLAY_CERT_INVALID',
    holds: (hello, { peerAuth }) => peerAuth.verifyCert(hello.peerID, hello.cert),
    detail: (hello, { peerAuth }, _now, ok) =>
      `The certificate is ${ok ? '' : 'not '}signed by ${hello.peerID} for network ${named(peerAuth.networkIDBytes)}${
        equalBytes(hello.networkID, peerAuth.networkIDBytes) ? '' : `; its HELLO names network ${named(hello.networkID)}`
      }.`,
  },
];

/**
 * Checks of the peer's identity: check 4 and our expected peerID. When one fails, the connection is dropped and nothing is
 * sent.
 */
export const IDENTITY_CHECKS: readonly HelloCheck[] = [
  {
    check: 'peerID as expected',
    code: 'OVERLAY_PEER_ID_MISMATCH',
    holds: ({ peerID }, { expectedPeerID }) => expectedPeerID === undefined || peerID === expectedPeerID,
    detail: ({ peerID }, { expectedPeerID }) =>
      expectedPeerID === undefined
        ? `No particular peer is expected; this is ${peerID}.`
        : `The peer is ${peerID}, but ${expectedPeerID} is expected.`,
  },
  {
    check: 'peerID not banned',
    code: 'OVERLAY_PEER_BANNED',
    holds: ({ peerID }, { isBanned }) => isBanned?.(peerID) !== true,
    detail: ({ peerID }, _policy, _now, ok) => (ok ? `${peerID} is not banned here.` : `${peerID} is banned here.`),
  },
];

/** Checks 9 to 15, after an acceptor has sent its HELLO. When one fails, the peer gets an ERROR_MSG. */
export const COMPATIBILITY_CHECKS: readonly HelloCheck[] = [
  {
    check: 'overlay versions overlap',
    code: 'OVERLAY_WRONG_PROTOCOL_VERSION',
    holds: (hello, policy) => sharesVersion(policy, hello),
    detail: (hello, { overlayVersion, overlayMinVersion }) =>
      `The peer supports overlay ${hello.overlayMinVersion} to ${hello.overlayVersion}, we support ${overlayMinVersion} to ${overlayVersion}.`,
  },
  {
    check: 'peerID not our own',
    code: 'OVERLAY_CONNECTING_TO_SELF',
    holds: ({ peerID }, { peerAuth }) => peerID !== peerAuth.peerID,
    detail: ({ peerID }, { peerAuth }, _now, ok) =>
      ok ? `The peer is ${peerID}, we are ${peerAuth.peerID}.` : `The peer has our own key: both sides are ${peerID}.`,
  },
  {
    check: 'networkID equal',
    code: 'OVERLAY_WRONG_NETWORK',
    holds: ({ networkID }, { peerAuth }) => equalBytes(networkID, peerAuth.networkIDBytes),
    detail: ({ networkID }, { peerAuth }) =>
      `The peer’s HELLO names network ${named(networkID)}, ours is ${named(peerAuth.networkIDBytes)}.`,
  },
  {
    check: 'listeningPort from 1 to 65535',
    code: 'OVERLAY_BAD_ADDRESS',
    holds: ({ listeningPort }) => listeningPort >= 1 && listeningPort <= 65535,
    detail: ({ listeningPort }) => `The peer’s listening port is ${listeningPort}.`,
  },
  {
    check: 'no other connection with this peerID',
    code: 'OVERLAY_ALREADY_CONNECTED',
    holds: ({ peerID }, { claimPeerID }) => claimPeerID?.(peerID) !== false,
    detail: ({ peerID }, _policy, _now, ok) => (ok ? `The peer is ${peerID}.` : `There is another connection with ${peerID}.`),
  },
];

/** A network by its short name, or by its ID when it has none. */
function named(networkID: Uint8Array): string {
  return networkName(toHex(networkID)) ?? toHex(networkID);
}
