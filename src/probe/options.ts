/**
 * Options of a probe, which a second look shares.
 * @module
 */
import type { NodeOptions } from '../net/options.ts';
import type { Knowledge } from './knowledge.ts';

/** Options of a probe. */
export interface ProbeOptions extends NodeOptions {
  /** The only peerID accepted, `G…`. */
  readonly expectedPeerID?: string | undefined;
  /** What probes of this target on this network have learnt before; this one adds to it. */
  readonly known?: Knowledge | undefined;
}
