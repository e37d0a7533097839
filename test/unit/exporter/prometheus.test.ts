/** promtool checks the exporter and its examples, and a Prometheus scrapes it over loopback. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Exporter } from '../../../src/exporter/server.ts';
import { NodeIdentity } from '../../../src/index.ts';
import { has } from '../../support/programs.ts';
import { ask, exporter, goodNode, network, probeOf } from './support.ts';

const EXAMPLES = fileURLToPath(new URL('../../../examples/prometheus/', import.meta.url));

const HAS_PROMTOOL = has('promtool');
const HAS_PROMETHEUS = has('prometheus');
const only = (installed: boolean): string => (installed ? '' : ' (not run: not installed, see Debian’s package prometheus)');

function promtool(args: readonly string[], input?: string): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: EXAMPLES, input, encoding: 'utf8' });
  return { status, said: stdout + stderr };
}

describe.runIf(HAS_PROMTOOL)(`promtool${only(HAS_PROMTOOL)}`, () => {
  it('accepts the metrics of a node that is up', async () => {
    await using node = await goodNode({ versionStr: 'v27 "é\\' });
    await using exporting = await exporter();
    const { text } = await probeOf(exporting, node);
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, said: '' });
  });

  it('accepts the metrics of a node that is down, and of a name without address', async () => {
    const node = await goodNode();
    await node.close();
    await using exporting = await exporter({ lookup: async () => [] });
    expect(promtool(['check', 'metrics'], (await probeOf(exporting, node)).text)).toEqual({ status: 0, said: '' });
    const { text } = await ask(exporting, '/probe?target=none.example');
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, said: '' });
  });

  it('accepts the metrics of the process', async () => {
    await using exporting = await exporter();
    const { text } = await ask(exporting, '/metrics');
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, said: '' });
  });

  it.each([
    ['check', 'config', 'prometheus.yml'],
    ['check', 'rules', 'alerts.yml'],
    ['test', 'rules', 'alerts.test.yml'],
  ])('accepts the examples: %s %s %s', (...args) => {
    expect(promtool(args)).toMatchObject({ status: 0, said: expect.stringContaining('SUCCESS') });
  });
});

describe.runIf(HAS_PROMETHEUS)(`a Prometheus${only(HAS_PROMETHEUS)}`, () => {
  it('scrapes nodes with the example configuration, and its alerts report a wrong peerID', { timeout: 60_000 }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'stellar-exporter-'));
    await using up = await goodNode({ versionStr: 'v27.1.0' });
    await using other = await goodNode();
    const down = await goodNode();
    await down.close();
    await using exporting = await exporter();
    const port = await freePort();
    await writeFile(join(directory, 'alerts.yml'), await readFile(join(EXAMPLES, 'alerts.yml')));
    await writeFile(join(directory, 'prometheus.yml'), await exampleFor(exporting, up.port, down.port, other.port));
    const prometheus = spawn('prometheus', [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    const logged = collect(prometheus);
    try {
      const value = async (expr: string): Promise<unknown> => (await query(port, expr))?.value[1];
      const eventually = (expr: string) => expect.poll(() => value(expr), { timeout: 30_000, interval: 200, message: logged() });
      await eventually(`stellar_probe_success{instance="127.0.0.1:${up.port}"}`).toBe('1');
      await eventually(`stellar_probe_success{instance="127.0.0.1:${down.port}"}`).toBe('0');
      await eventually(`stellar_probe_failure_info{instance="127.0.0.1:${down.port}",cause="connection-refused"}`).toBe('1');
      // Another key than __param_expect names.
      await eventually(`stellar_probe_failure_info{instance="127.0.0.1:${other.port}",cause="peer-id-mismatch"}`).toBe('1');
      await eventually(`count(ALERTS{alertname="StellarNodeNotWhatItClaims",alertstate="firing"})`).toBe('1');
      await eventually('min(up{job="stellar-node"})').toBe('1');
      await eventually('up{job="stellar-exporter"}').toBe('1');
      await eventually('stellar_exporter_probes_total{result="success"} > bool 0').toBe('1');
      const info = await query(port, `stellar_probe_peer_info{instance="127.0.0.1:${up.port}"}`);
      expect(info?.metric).toMatchObject({
        job: 'stellar-node',
        peer_id: up.peerID,
        version: 'v27.1.0',
        network: 'standalone',
      });
      const phases = await value(`count(stellar_probe_duration_seconds{instance="127.0.0.1:${up.port}"})`);
      expect(phases).toBe('4');
      // Every panel of the dashboard has something to show of these nodes.
      for (const expr of await dashboardExpressions()) await eventually(`count(${expr}) > bool 0`).toBe('1');
    } finally {
      prometheus.kill('SIGTERM');
      if (prometheus.exitCode === null) await once(prometheus, 'exit');
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe('the examples for Prometheus', () => {
  it('name only existing metrics', async () => {
    await using node = await goodNode();
    await using exporting = await exporter();
    const texts = await Promise.all([
      probeOf(exporting, node),
      probeOf(exporting, node, `&expect=${NodeIdentity.random().peerID}`),
      ask(exporting, '/metrics'),
    ]);
    const known = new Set(texts.flatMap(({ text }) => [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)));
    const files = ['alerts.yml', 'alerts.test.yml', 'grafana-dashboard.json', 'README.md'];
    for (const file of files) {
      const text = await readFile(join(EXAMPLES, file), 'utf8');
      const named = [...text.matchAll(/\bstellar_(?:probe|exporter)_\w+/g)].map(([name]) => name);
      expect(named.length).toBeGreaterThan(5);
      expect(named.filter((name) => !known.has(name))).toEqual([]);
    }
  });

  it('have a test for every alert', async () => {
    const named = (text: string, key: RegExp): Set<string | undefined> =>
      new Set([...text.matchAll(key)].map(([, name]) => name));
    const [rules, tests] = await Promise.all(
      ['alerts.yml', 'alerts.test.yml'].map((file) => readFile(join(EXAMPLES, file), 'utf8')),
    );
    const alerts = named(rules ?? '', /alert: (\w+)/g);
    expect(alerts.size).toBeGreaterThan(5);
    // Alerts that must fire in at least one test.
    expect(named(tests ?? '', /alertname: (\w+)\n +exp_alerts:/g)).toEqual(alerts);
  });

  it('have a dashboard that Grafana can import: identifiers, data source, variables, units', async () => {
    const text = await readFile(join(EXAMPLES, 'grafana-dashboard.json'), 'utf8');
    const { uid, schemaVersion, templating, panels, ...rest } = JSON.parse(text) as Dashboard;
    expect(uid).toMatch(/^[\w-]{1,40}$/);
    // This is the last version of this dashboard format. The dashboard has nothing that Grafana's migrations would change:
    // `refresh` is a string, and there are no old time options, no fields hidden only from a panel, and no formatTime.
    expect(schemaVersion).toBe(42);
    expect(rest).toMatchObject({ refresh: expect.any(String) });
    expect(text).not.toMatch(/time_options|hideFrom|formatTime/);
    // A dashboard id and inputs belong to the Grafana from which a dashboard was exported.
    expect(Object.keys(rest)).not.toContain('id');
    expect(Object.keys(rest)).not.toContain('__inputs');
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const variables = templating.list.map(({ name }) => name);
    expect(templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    const named = [...text.matchAll(/\$\{?([a-z]\w*)/g)].map(([, name]) => name);
    expect(new Set(named)).toEqual(new Set(variables));
    for (const { title, type, datasource, targets, fieldConfig } of panels) {
      for (const source of [datasource, ...targets.map((target) => target.datasource)])
        expect([title, source]).toEqual([title, { type: 'prometheus', uid: `\${datasource}` }]);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
      expect(['stat', 'state-timeline', 'table', 'timeseries']).toContain(type);
      const isSeconds = targets.some(({ expr }) => /_seconds\b/.test(expr));
      expect([title, fieldConfig.defaults.unit === 's']).toEqual([title, isSeconds]);
    }
  });

  it('have a dashboard whose panels do not overlap, each with a title and a query', async () => {
    const { panels } = JSON.parse(await readFile(join(EXAMPLES, 'grafana-dashboard.json'), 'utf8')) as Dashboard;
    expect(panels.length).toBeGreaterThan(5);
    const cells = new Set<string>();
    for (const { title, targets, gridPos } of panels) {
      expect(title).not.toBe('');
      expect(targets.length).toBeGreaterThan(0);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`)).toBe(false);
          cells.add(`${x},${y}`);
        }
    }
  });
});

interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  readonly panels: readonly Panel[];
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource: unknown;
  readonly fieldConfig: { readonly defaults: { readonly unit?: string } };
  readonly targets: readonly { readonly expr: string; readonly refId: string; readonly datasource: unknown }[];
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}

async function dashboardExpressions(): Promise<readonly string[]> {
  const { panels } = JSON.parse(await readFile(join(EXAMPLES, 'grafana-dashboard.json'), 'utf8')) as Dashboard;
  return panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => expr.replaceAll(/\$__(range|rate_interval)/g, '5m').replaceAll(/\$(job|instance)/g, '.*')),
  );
}

/** The example's own text, with the nodes and the exporter of this test, and faster. */
async function exampleFor(exporting: Exporter, up: number, down: number, other: number): Promise<string> {
  const text = await readFile(join(EXAMPLES, 'prometheus.yml'), 'utf8');
  const changed = text
    .replace('scrape_interval: 15s', 'scrape_interval: 1s\n  evaluation_interval: 1s')
    .replace('scrape_timeout: 10s', 'scrape_timeout: 1s')
    .replace('network: [pubnet]', `network: [${network.name}]`)
    .replace('core-live-a.stellar.org:11625', `127.0.0.1:${up}`)
    .replace('core-live-b.stellar.org:11625', `127.0.0.1:${down}`)
    .replace('# - targets: [core.example.org:11625]', `- targets: [127.0.0.1:${other}]`)
    .replace('#   labels:', '  labels:')
    .replace(/#( +__param_expect)/, '$1')
    .replaceAll('127.0.0.1:11627', `127.0.0.1:${exporting.port}`);
  expect(changed).not.toMatch(/stellar\.org|example\.org|11627/);
  return changed;
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

async function api(port: number, expr: string): Promise<{ data?: { result: Sample[] } }> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}`);
    return (await response.json()) as Awaited<ReturnType<typeof api>>;
  } catch {
    // It is not up yet.
    return {};
  }
}

async function query(port: number, expr: string): Promise<Sample | undefined> {
  return (await api(port, expr)).data?.result[0];
}

function collect(child: ChildProcess): () => string {
  const chunks: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  return () => chunks.join('');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
