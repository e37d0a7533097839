/** Like handshake-ours.ts, with the provider on libsodium. */
import { sodiumCrypto } from '../../src/crypto/sodium.ts';
import { shakeHandsOften } from '../support/handshake-child.ts';

await shakeHandsOften(sodiumCrypto);
