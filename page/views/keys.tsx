/**
 * The key schedule as a graph, and the order of its inputs as each side writes them.
 * @module
 */
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { Picture } from '../../src/explain/picture.ts';
import { ancestry, KEY_ROWS, type KeyInput, type KeyNode, keyGraph, MIRRORS, type MirrorPart } from '../model/keys.ts';
import { Hex, Section, SideName } from './text.tsx';

/** Height of a row and of the box in it; the middles of the columns, and half the width of a box, in a drawing 300 wide. */
const ROW = 52;
const BOX = { top: 8, height: 34 } as const;
const MIDDLE = { A: 51, both: 150, B: 249 } as const;
const HALF = 37.5;

/** Graph, the chosen value, and the comparison. */
export function Keys({ picture }: { readonly picture: Picture }): JSX.Element {
  const nodes = useMemo(() => keyGraph(picture), [picture]);
  const [chosen, choose] = useState('K_AB');
  const lineage = useMemo(() => ancestry(nodes, chosen), [nodes, chosen]);
  const node = nodes.find(({ id }) => id === chosen) as KeyNode;
  return (
    <Section
      id="keys"
      title="How each value is computed"
      lead="Every value is computed from two seeds, two ECDH secrets and two nonces. Choose a value to see its inputs."
    >
      <div class="split keys">
        <div class="graph" style={{ height: `${KEY_ROWS * ROW}px` }}>
          <Edges nodes={nodes} lineage={lineage} />
          {nodes.map((each) => (
            <button
              type="button"
              key={each.id}
              class={`node node-${each.column}${lineage.has(each.id) ? ' in' : ''}${each.value === undefined ? ' unknown' : ''}`}
              style={{ top: `${each.row * ROW + BOX.top}px` }}
              aria-pressed={each.id === chosen}
              onClick={() => choose(each.id)}
            >
              {each.label}
              {each.isSecret && <span class="secret">{each.value === undefined ? 'hidden' : 'secret'}</span>}
            </button>
          ))}
        </div>
        <Detail node={node} nodes={nodes} onChoose={choose} />
      </div>
      <MirrorTable />
    </Section>
  );
}

function Edges({ nodes, lineage }: { readonly nodes: readonly KeyNode[]; readonly lineage: ReadonlySet<string> }): JSX.Element {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const edges = nodes.flatMap((to) =>
    to.inputs.flatMap(({ from: id }) => {
      const from = id === undefined ? undefined : byId.get(id);
      return from === undefined ? [] : [{ from, to, isIn: lineage.has(to.id) && lineage.has(from.id) }];
    }),
  );
  return (
    <svg class="edges" viewBox={`0 0 300 ${KEY_ROWS * ROW}`} preserveAspectRatio="none" aria-hidden="true">
      {edges
        .toSorted((a, b) => Number(a.isIn) - Number(b.isIn))
        .map(({ from, to, isIn }) => (
          <path key={`${from.id} ${to.id}`} d={route(from, to)} class={isIn ? `edge in edge-${from.column}` : 'edge'} />
        ))}
    </svg>
  );
}

/**
 * The path of a line between two boxes. It has right angles only, and runs between the columns and beside them, so that no
 * line passes behind a box.
 */
function route(from: KeyNode, to: KeyNode): string {
  const [x1, x2] = [MIDDLE[from.column], MIDDLE[to.column]];
  const [y1, y2] = [middleOf(from), middleOf(to)];
  const [foot, head] = [y1 + BOX.height / 2, y2 - BOX.height / 2];
  if (from.column === to.column) {
    // Only between the seed and the value computed from it is there another box.
    if (to.row - from.row <= 2) return `M${x1} ${foot} V${head}`;
    const [outwards, lane] = from.column === 'A' ? [-1, 5] : [1, 295];
    return `M${x1 + outwards * HALF} ${y1} H${lane} V${y2} H${x2 + outwards * HALF}`;
  }
  const side = (x1 < x2 ? -1 : 1) * HALF;
  if (from.column === 'both') return `M${x1} ${foot} V${y2 - 6} H${x2 + side}`;
  // A line of its own for each value that is used in another column.
  const [leave, lane, enter] =
    to.column === 'both' ? (from.isSecret ? [0, 14, -7] : [0, 7, 7]) : from.column === 'A' ? [-5, 10, 6] : [5, 10, 6];
  return `M${x1 - side} ${y1 + leave} H${x2 + (side / HALF) * (HALF + lane)} V${y2 + enter} H${x2 + side}`;
}

function middleOf({ row }: KeyNode): number {
  return row * ROW + BOX.top + BOX.height / 2;
}

function Detail(props: {
  readonly node: KeyNode;
  readonly nodes: readonly KeyNode[];
  readonly onChoose: (id: string) => void;
}): JSX.Element {
  const { node, nodes, onChoose } = props;
  const users = nodes.filter(({ inputs }) => inputs.some(({ from }) => from === node.id));
  return (
    <div class="detail-panel" aria-live="polite">
      <h3>{node.label}</h3>
      <p>{node.what}</p>
      <div class="value-box">
        {node.value === undefined ? <p class="quiet">{whyUnknown(node)}</p> : <Hex hex={node.value} />}
        {node.text && (
          <p class="small">
            <code class="breaks">{node.text}</code>
          </p>
        )}
      </div>
      <h4>{node.formula === undefined ? 'Drawn at random' : 'Made of'}</h4>
      {node.formula !== undefined && <p class="formula">= {node.formula}</p>}
      {node.inputs.length > 0 && (
        <ul class="inputs">
          {node.inputs.map((input) => (
            <Input key={`${input.label}${input.from}`} input={input} onChoose={onChoose} />
          ))}
        </ul>
      )}
      {users.length > 0 && (
        <>
          <h4>Goes into</h4>
          <p class="users">
            {users.map(({ id, label }) => (
              <button type="button" key={id} class="link" onClick={() => onChoose(id)}>
                {label}
              </button>
            ))}
          </p>
        </>
      )}
    </div>
  );
}

function Input({ input, onChoose }: { readonly input: KeyInput; readonly onChoose: (id: string) => void }): JSX.Element {
  const { label, from, value } = input;
  return (
    <li>
      {from === undefined ? (
        <span class="constant">{label}</span>
      ) : (
        <button type="button" class="link" onClick={() => onChoose(from)}>
          {label}
        </button>
      )}
      {value ? <Hex hex={value} limit={192} /> : <span class="quiet">{from === undefined ? 'not seen yet' : 'not shown'}</span>}
    </li>
  );
}

function whyUnknown({ isSecret }: KeyNode): string {
  return isSecret
    ? 'This is a secret and not in this file. explain --unsafe-show-secrets writes our own secrets into it.'
    : 'It has not been seen on this connection.';
}

/** The formulas as each side writes them. */
function MirrorTable(): JSX.Element {
  return (
    <div class="mirror">
      <h3>The same formulas, as each side writes them</h3>
      <p class="lead">
        Where both sides compute the same value, A’s values come first. So the acceptor writes the peer’s values before its own.
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">
              <span class="unseen">Value</span>
            </th>
            <th scope="col">
              <SideName side="A" /> dialled
            </th>
            <th scope="col">
              <SideName side="B" /> accepted
            </th>
          </tr>
        </thead>
        <tbody>
          {MIRRORS.map(({ what, initiator, acceptor }) => (
            <tr key={what}>
              <th scope="row">{what}</th>
              <td>
                <Parts parts={initiator} />
              </td>
              <td>
                <Parts parts={acceptor} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Parts({ parts }: { readonly parts: readonly MirrorPart[] }): JSX.Element {
  return (
    <span class="parts">
      {parts.map(({ text, owner }) => (
        <span key={text} class={owner === undefined ? 'part' : `part part-${owner}`}>
          {text}
        </span>
      ))}
    </span>
  );
}
