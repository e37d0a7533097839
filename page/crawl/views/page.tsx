/**
 * The whole page of a crawl: the table first, then charts, the graph, validators and quorum sets.
 * @module
 */
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { CrawlPageData } from '../../../src/crawl/page-data.ts';
import { countBy, rowsOf } from '../model/rows.ts';
import { BarChart } from './bar-chart.tsx';
import { NamesGraph } from './graph.tsx';
import { NodePanel } from './node-panel.tsx';
import { NodeTable } from './node-table.tsx';
import { Validators } from './validators.tsx';

/** The page of a crawl. */
export function CrawlPage({ data }: { readonly data: CrawlPageData }): JSX.Element {
  const rows = useMemo(() => rowsOf(data), [data]);
  const outcomes = useMemo(() => countBy(data.nodes, ({ outcome }) => outcome), [data]);
  const versions = useMemo(() => countBy(data.nodes, ({ version }) => version), [data]);
  const [chosen, choose] = useState<number | undefined>(undefined);
  const [outcome, setOutcome] = useState('');
  return (
    <>
      <a class="skip" href="#nodes">
        Skip to the nodes
      </a>
      <header class="masthead">
        <p class="overline">Crawl of a Stellar network</p>
        <h1>{headline(data)}</h1>
        <Facts data={data} />
      </header>
      <main>
        <nav aria-label="Parts of this page">
          <a href="#nodes">Nodes</a>
          <a href="#outcomes">Outcomes and versions</a>
          <a href="#graph">Which node names which</a>
          {data.validators.length > 0 && <a href="#validators">Validators</a>}
        </nav>
        <section id="nodes" aria-labelledby="nodes-title">
          <h2 id="nodes-title">Nodes</h2>
          <NodeTable rows={rows} outcomes={outcomes} outcome={outcome} onOutcome={setOutcome} chosen={chosen} onChoose={choose} />
          <NodePanel data={data} chosen={chosen} onChoose={choose} />
        </section>
        <section id="outcomes" class="charts" aria-label="Outcomes and versions">
          <BarChart title="Outcomes" counts={outcomes} of="nodes" />
          <BarChart title="Versions" counts={versions} of="nodes that sent one" />
        </section>
        <NamesGraph data={data} chosen={chosen} onChoose={choose} />
        <Validators data={data} />
      </main>
    </>
  );
}

function headline({ network, nodes }: CrawlPageData): string {
  const ok = nodes.filter((node) => node.outcome === 'ok').length;
  return `${network}: ${ok} of ${nodes.length} addresses let us in`;
}

function Facts({ data }: { readonly data: CrawlPageData }): JSX.Element {
  const { startedAt, seconds, finished, counts, ledgerSeq, seeds } = data;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['begun', startedAt.slice(0, 19).replace('T', ' ')],
    ['took', seconds === undefined ? undefined : `${seconds} s`],
    ['state', finished ? 'finished' : 'interrupted: the remaining addresses are not-dialled'],
    ['keys', counts && String(counts.keys)],
    ['validators that validate', counts && String(counts.validators.validating)],
    ['ledger', ledgerSeq === undefined ? undefined : String(ledgerSeq)],
    ['begun at', `${seeds.slice(0, 3).join(', ')}${seeds.length > 3 ? `, and ${seeds.length - 3} more` : ''}`],
  ];
  return (
    <dl class="facts">
      {facts.map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}
