/** Does handshakes with this package. Arguments: dials or accepts, variant, port to dial. */
import { shakeHandsOften } from '../support/handshake-child.ts';

await shakeHandsOften();
