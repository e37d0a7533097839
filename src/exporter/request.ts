/**
 * The request of a scrape: the checked parameters of `/probe`, and its time limit.
 * @module
 */
import { Refusal } from '../http/server.ts';
import { parseNetwork } from '../net/network-name.ts';
import { parseTarget, type Target } from '../net/target.ts';
import type { Network } from '../protocol/networks.ts';
import { decodePublicKey } from '../protocol/strkey.ts';

/** One requested probe. */
export interface ProbeRequest {
  readonly target: Target;
  readonly network: Network;
  /** The only peerID accepted, `G…`. */
  readonly expectedPeerID: string | undefined;
  /** Whether the request wants the story instead of metrics. */
  readonly debug: boolean;
}

/** The header with the timeout of Prometheus, in seconds. */
export const TIMEOUT_HEADER = 'x-prometheus-scrape-timeout-seconds';
/** The part of that time reserved for sending the answer, in milliseconds. */
const MARGIN_MS = 500;

const PARAMETERS = ['target', 'network', 'expect', 'debug'] as const;

/**
 * Reads the parameters of a probe. An unknown parameter is refused: a misspelt `network` would probe another network.
 * @param defaultNetwork for a request that names none
 * @throws {Refusal} 400, naming the parameter
 */
export function readProbeRequest(query: URLSearchParams, defaultNetwork: Network): ProbeRequest {
  for (const name of query.keys()) {
    if (!(PARAMETERS as readonly string[]).includes(name))
      throw new Refusal(400, `There is no parameter ${JSON.stringify(name)}; the parameters are ${PARAMETERS.join(', ')}.`);
    if (query.getAll(name).length > 1) throw new Refusal(400, `The parameter ${name} was given more than once.`);
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
 * The time limit of a probe: the timeout of Prometheus less a margin, and at most the configured limit.
 * @param header of the request, in seconds
 * @throws {Refusal} 400 when it is not a time
 */
export function deadlineMs(header: string | undefined, capMs: number): number {
  if (header === undefined) return capMs;
  const ms = /^\d+(\.\d+)?$/.test(header) ? Number(header) * 1000 : 0;
  if (!(ms > 0)) throw new Refusal(400, 'The header X-Prometheus-Scrape-Timeout-Seconds takes a number of seconds.');
  // Of a timeout below a second, half is used.
  return Math.max(1, Math.round(Math.min(capMs, Math.max(ms - MARGIN_MS, ms / 2))));
}

function checked<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Refusal(400, `The parameter ${name} is wrong: ${(error as Error).message}.`);
  }
}
