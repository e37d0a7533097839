/**
 * What a scrape asks for: the parameters of `/probe`, checked, and the time it has.
 * @module
 */
import { Refusal } from '../http/server.ts';
import { parseNetwork } from '../net/network-name.ts';
import { parseTarget, type Target } from '../net/target.ts';
import type { Network } from '../protocol/networks.ts';
import { decodePublicKey } from '../protocol/strkey.ts';

/** One probe, as it was asked for. */
export interface ProbeRequest {
  readonly target: Target;
  readonly network: Network;
  /** The only peerID accepted, `G…`. */
  readonly expectedPeerID: string | undefined;
  /** Whether the story is wanted instead of metrics. */
  readonly debug: boolean;
}

/** What Prometheus says of its own patience, in seconds. */
export const TIMEOUT_HEADER = 'x-prometheus-scrape-timeout-seconds';
/** What of that time is left for the way back, in milliseconds. */
const MARGIN_MS = 500;

const PARAMETERS = ['target', 'network', 'expect', 'debug'] as const;

/**
 * Reads the parameters of a probe. One that nobody knows is refused: a misspelt `network` would probe another one.
 * @param defaultNetwork for a request that names none
 * @throws {Refusal} 400, naming the parameter
 */
export function readProbeRequest(query: URLSearchParams, defaultNetwork: Network): ProbeRequest {
  for (const name of query.keys()) {
    if (!(PARAMETERS as readonly string[]).includes(name))
      throw new Refusal(400, `There is no parameter ${JSON.stringify(name)}; these there are: ${PARAMETERS.join(', ')}.`);
    if (query.getAll(name).length > 1) throw new Refusal(400, `The parameter ${name} is there more than once.`);
  }
  const target = query.get('target');
  if (!target) throw new Refusal(400, 'The parameter target is missing: /probe?target=HOST:PORT.');
  const network = query.get('network');
  const expectedPeerID = query.get('expect') ?? undefined;
  const debug = query.get('debug') ?? 'false';
  if (network === '') throw new Refusal(400, 'The parameter network takes a name or a passphrase.');
  if (debug !== 'true' && debug !== 'false') throw new Refusal(400, 'The parameter debug takes true or false.');
  if (expectedPeerID !== undefined) checked('expect', () => decodePublicKey(expectedPeerID));
  return {
    target: checked('target', () => parseTarget(target)),
    network: network === null ? defaultNetwork : checked('network', () => parseNetwork(network)),
    expectedPeerID,
    debug: debug === 'true',
  };
}

/**
 * The time a probe has: what Prometheus waits less a margin, and never more than the cap.
 * @param header of the request, in seconds
 * @throws {Refusal} 400 when it is no time
 */
export function deadlineMs(header: string | undefined, capMs: number): number {
  if (header === undefined) return capMs;
  const ms = /^\d+(\.\d+)?$/.test(header) ? Number(header) * 1000 : 0;
  if (!(ms > 0)) throw new Refusal(400, 'The header X-Prometheus-Scrape-Timeout-Seconds takes a number of seconds.');
  // Whoever waits for less than a second gets half of it.
  return Math.max(1, Math.round(Math.min(capMs, Math.max(ms - MARGIN_MS, ms / 2))));
}

function checked<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Refusal(400, `The parameter ${name} is wrong: ${(error as Error).message}.`);
  }
}
