/**
 * Metrics of a probe and of the exporter. Names and units follow the rules of Prometheus: base units, and the sum over the
 * labels of a name has a meaning.
 * @module
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { parseTarget } from '../net/target.ts';
import { VERSION } from '../net/version.ts';
import { printable } from '../protocol/printable.ts';
import type { Scrape } from './scrape.ts';

/** The metrics of one probe, in a new registry without values of earlier probes. */
export function probeRegistry(scrape: Scrape): Registry {
  const { result, network, elapsedMs, unixSeconds } = scrape;
  const { ok, timings, clockSkew, remote, error, address } = result;
  const registry = new Registry();
  const gauge = (name: string, help: string, value: number | undefined, labels: Readonly<Record<string, string>> = {}): void => {
    if (value === undefined || Number.isNaN(value)) return;
    new Gauge({ name, help, labelNames: Object.keys(labels), registers: [registry] }).set(labels, value);
  };

  gauge('stellar_probe_success', 'Whether the handshake succeeded and the node kept the connection.', ok ? 1 : 0);
  gauge('stellar_probe_network_info', 'The network of the probe, and whether it was given as a name or as a passphrase.', 1, {
    network: network.name ?? network.networkID,
    given_as: network.name === undefined ? 'passphrase' : 'name',
  });
  gauge('stellar_probe_elapsed_seconds', 'How long the probe took, whatever its result.', seconds(elapsedMs));
  const phases = { dns: timings?.dnsMs, tcp: timings?.tcpMs, hello: timings?.helloMs, auth: timings?.authMs };
  const duration = new Gauge({
    name: 'stellar_probe_duration_seconds',
    help: 'Time of each complete phase; for a successful probe their sum is the whole handshake.',
    labelNames: ['phase'],
    registers: [registry],
  });
  for (const [phase, ms] of Object.entries(phases)) if (ms !== undefined) duration.set({ phase }, seconds(ms));
  const pingMs = timings?.pingMs;
  gauge(
    'stellar_probe_ping_seconds',
    'Round trip directly after the handshake.',
    pingMs === undefined ? undefined : seconds(pingMs),
  );
  if (address !== undefined)
    gauge(
      'stellar_probe_ip_protocol',
      'IP version of the address that answered, or of the only one that was dialled, 4 or 6.',
      address.includes(':') ? 6 : 4,
    );
  if (error) {
    const { code, cause, stage } = error;
    gauge('stellar_probe_failure_info', 'Why the probe failed; docs/errors.md lists the causes.', 1, { code, cause, stage });
  }
  if (remote) {
    const { peerID, versionStr, overlayVersion, overlayMinVersion, ledgerVersion, listeningPort } = remote;
    const { port } = parseTarget(result.target);
    gauge('stellar_probe_peer_info', 'The identity that the node claims; proved when the probe succeeded.', 1, {
      peer_id: peerID,
      version: printable(versionStr),
      network: remote.network ?? remote.networkID,
    });
    gauge('stellar_probe_peer_overlay_version', 'Newest overlay version the node supports.', overlayVersion);
    gauge('stellar_probe_peer_overlay_min_version', 'Oldest overlay version the node supports.', overlayMinVersion);
    gauge(
      'stellar_probe_overlay_range_adapted',
      'Whether the node refused the overlay versions of this package, and the probe used those of the node.',
      result.overlayRange === undefined ? 0 : 1,
    );
    gauge('stellar_probe_peer_ledger_version', 'Newest ledger protocol the node knows.', ledgerVersion);
    gauge('stellar_probe_peer_listening_port', 'Port that the node advertises; its peers learn this port.', listeningPort);
    gauge(
      'stellar_probe_peer_listening_port_is_dialled',
      'Whether the probe dialled this port; if not, peers may not be able to reach the node.',
      listeningPort === port ? 1 : 0,
    );
    const expiry = unixTime(remote.certExpiration);
    gauge(
      'stellar_probe_peer_certificate_expiry_timestamp_seconds',
      'When the AuthCert of this connection expires, in Unix time.',
      expiry,
    );
    gauge(
      'stellar_probe_peer_certificate_remaining_seconds',
      'How long the AuthCert of this connection is valid by our clock; stellar-core signs for an hour.',
      Math.round(expiry - unixSeconds),
    );
  }
  gauge(
    'stellar_probe_clock_skew_min_seconds',
    'The clock of the node is ahead of ours by at least this.',
    clockSkew?.minSeconds,
  );
  gauge('stellar_probe_clock_skew_max_seconds', 'The clock of the node is ahead of ours by at most this.', clockSkew?.maxSeconds);
  return registry;
}

/** The result of a request for a probe. */
export type ProbeOutcome = 'success' | 'failure' | 'forbidden' | 'busy' | 'aborted';
const OUTCOMES: readonly ProbeOutcome[] = ['success', 'failure', 'forbidden', 'busy', 'aborted'];

/**
 * Gauges of prom-client with names of counters. They are left out; `nodejs_active_handles` and others give the same by
 * type.
 */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** The metrics of the process. */
export class ExporterMetrics {
  readonly registry: Registry = new Registry();
  readonly #probes: Counter<'result'>;
  /** The text while it is being made. */
  #making: Promise<string> | undefined;

  /** @param inFlight the current number of probes */
  constructor(inFlight: () => number) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    for (const name of MISNAMED) this.registry.removeSingleMetric(name);
    this.#probes = new Counter({
      name: 'stellar_exporter_probes_total',
      help: 'Requests for a probe by result.',
      labelNames: ['result'],
      registers,
    });
    for (const result of OUTCOMES) this.#probes.inc({ result }, 0);
    new Gauge({
      name: 'stellar_exporter_probes_in_flight',
      help: 'Probes that run or wait for another probe of the same node.',
      registers,
      collect() {
        this.set(inFlight());
      },
    });
    const build = { name: 'stellar_exporter_build_info', help: 'Version of the exporter.', labelNames: ['version'], registers };
    new Gauge(build).set({ version: VERSION }, 1);
  }

  /** Content-Type of the text. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** The metrics as text for Prometheus; made once for all requests that arrive while it is being made. */
  text(): Promise<string> {
    this.#making ??= this.registry.metrics().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  /** Counts a request for a probe. */
  count(result: ProbeOutcome): void {
    this.#probes.inc({ result });
  }
}

/** Seconds, to the microsecond: further digits have no meaning. */
function seconds(ms: number): number {
  return Math.round(ms * 1000) / 1e6;
}

/** Unix seconds of an ISO 8601 date, or of digits if the date is too large for ISO 8601. */
function unixTime(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text) / 1000;
}
