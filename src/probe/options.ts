/**
 * Options of a probe, which a second look shares.
 * @module
 */
import type { Connection } from '../net/connection.ts';
import type { ConnectOptions } from '../net/options.ts';
import type { ReceivedMessage } from '../protocol/wire/authenticated-message.ts';
import type { Knowledge } from './knowledge.ts';

/** Options of a probe. */
export interface ProbeOptions extends Omit<ConnectOptions, 'host' | 'port' | 'listener' | 'settle'> {
  /** What probes of this target on this network have learnt before; this one adds to it. */
  readonly known?: Knowledge | undefined;
  /** Whether the node is never dialled while another connection to it is open: a second look takes longer then. */
  readonly oneAtATime?: boolean | undefined;
  /** Whether a node that closes without a word is looked at a second time, with up to `SECOND_LOOK_CONNECTIONS` more. Default true. */
  readonly secondLook?: boolean | undefined;
  /** Is told when a second look begins. */
  readonly onSecondLook?: (() => void) | undefined;
  /** Is told each message of a node that has let us in. */
  readonly onMessage?: ((message: ReceivedMessage) => void) | undefined;
  /** What else is done with a node that has let us in: it is left when this is over. Must end when the connection does. */
  readonly stay?: ((connection: Connection) => Promise<void>) | undefined;
}
