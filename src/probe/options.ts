/**
 * Options of a probe; a second look uses them too.
 * @module
 */
import { systemClock } from '../net/clock.ts';
import type { Connection } from '../net/connection.ts';
import type { ConnectOptions } from '../net/options.ts';
import { networks } from '../protocol/networks.ts';
import type { ReceivedMessage } from '../protocol/wire/authenticated-message.ts';
import type { Knowledge } from './knowledge.ts';

/**
 * Maximum number of connections of a second look: one for each known network but ours, two with a later certificate, one with
 * another key, one on which nothing is sent, and the first attempt again.
 */
export const SECOND_LOOK_CONNECTIONS: number = Object.keys(networks).length + 5;

/** What is called while a probe runs. The functions are called as methods of their object. */
export interface ProbeHooks {
  /** Is called when a phase is complete. */
  readonly onPhase?: ConnectOptions['onPhase'];
  /** Is called with each message of a node after the handshake. */
  readonly onMessage?: ((message: ReceivedMessage) => void) | undefined;
  /**
   * Further work on the connection after the handshake; the probe closes it when this resolves. It must end when the connection
   * does. Undefined: there is none.
   */
  readonly stay?: ((connection: Connection) => Promise<void> | undefined) | undefined;
}

/** Options of a probe. */
export interface ProbeOptions extends ProbeHooks, Omit<ConnectOptions, 'host' | 'port' | 'listener' | 'settle' | 'onPhase'> {
  /** What earlier probes of this target on this network found; this probe adds to it. */
  readonly known?: Knowledge | undefined;
  /** Whether to keep at most one connection to the node open at a time. A second look then takes longer. */
  readonly oneAtATime?: boolean | undefined;
  /**
   * Whether to take a second look at a node that closes without an answer, with up to `SECOND_LOOK_CONNECTIONS` more
   * connections. Default true.
   */
  readonly secondLook?: boolean | undefined;
  /** Is called when a second look starts. */
  readonly onSecondLook?: (() => void) | undefined;
}

/** Pause between two connections with `oneAtATime`, in milliseconds, so that the node notices the end of the last one. */
const BREATH_MS = 100;

/** Waits for that pause between two connections to the same node. */
export async function breath({ oneAtATime, clock = systemClock }: ProbeOptions): Promise<void> {
  if (oneAtATime) await new Promise<void>((resolve) => void clock.setTimer(resolve, BREATH_MS));
}
