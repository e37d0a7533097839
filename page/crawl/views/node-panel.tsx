/**
 * Details of one node: its error with advice, the nodes that it names, and the nodes that name it.
 * @module
 */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import type { CrawlPageData, PageNode } from '../../../src/crawl/page-data.ts';
import { namersOf } from '../model/rows.ts';

/** The largest number of names that are listed. */
const MAX_LISTED = 100;

interface PanelProps {
  readonly data: CrawlPageData;
  readonly chosen: number | undefined;
  readonly onChoose: (at: number | undefined) => void;
}

/** The chosen node. */
export function NodePanel({ data, chosen, onChoose }: PanelProps): JSX.Element {
  const namers = useMemo(() => namersOf(data), [data]);
  const node = chosen === undefined ? undefined : data.nodes[chosen];
  if (node === undefined || chosen === undefined)
    return <p class="panel quiet">Choose a node to see its result, the nodes that it names, and the nodes that name it.</p>;
  const { address, outcome, peerID, version, overlay, ledgerVersion, ms, message, advice, names = [], at } = node;
  const validator = data.validators.find((line) => line.peerID === peerID);
  const facts: readonly (readonly [string, string | number | undefined])[] = [
    ['outcome', outcome],
    ['key', peerID],
    ['version', version],
    ['overlay', overlay],
    ['ledger protocol', ledgerVersion],
    ['handshake', ms === undefined ? undefined : `${ms} ms`],
    ['validator', validator && `${validator.state}${validator.ledgerSeq === undefined ? '' : `, ledger ${validator.ledgerSeq}`}`],
    ['seen', at?.slice(0, 19).replace('T', ' ')],
  ];
  return (
    <section class="panel" aria-labelledby="panel-title">
      <h3 id="panel-title">{address}</h3>
      {message !== undefined && <p>{data.texts[message]}</p>}
      {advice !== undefined && <p class="quiet">{data.texts[advice]}</p>}
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
      <Others title={`Names ${names.length}`} places={names} nodes={data.nodes} onChoose={onChoose} />
      <Others
        title={`Named by ${namers[chosen]?.length ?? 0}`}
        places={namers[chosen] ?? []}
        nodes={data.nodes}
        onChoose={onChoose}
      />
    </section>
  );
}

interface OthersProps {
  readonly title: string;
  readonly places: readonly number[];
  readonly nodes: readonly PageNode[];
  readonly onChoose: (at: number) => void;
}

function Others({ title, places, nodes, onChoose }: OthersProps): JSX.Element | null {
  if (places.length === 0) return <p class="small">{title}</p>;
  return (
    <details>
      <summary>{title}</summary>
      <ul class="others">
        {places.slice(0, MAX_LISTED).map((place) => (
          <li key={place}>
            <button type="button" onClick={() => onChoose(place)}>
              {nodes[place]?.address}
            </button>
          </li>
        ))}
      </ul>
      {places.length > MAX_LISTED && <p class="small">{`and ${places.length - MAX_LISTED} more`}</p>}
    </details>
  );
}
