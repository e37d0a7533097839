/**
 * The nodes as a table with sorting and search. The document contains only the visible rows.
 * @module
 */
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import { type Column, cellOf, type Order, type Row, select, toneOf } from '../model/rows.ts';

/** Height of a row, in pixels; crawl.css has the same. */
const ROW_HEIGHT = 34;
/** Number of rows above and below the visible ones. */
const OVERSCAN = 12;

const COLUMNS: readonly (readonly [column: Column, title: string, isNumber: boolean])[] = [
  ['address', 'Address', false],
  ['outcome', 'Outcome', false],
  ['version', 'Version', false],
  ['overlay', 'Overlay', true],
  ['ms', 'Handshake, ms', true],
  ['names', 'Names', true],
  ['namedBy', 'Named by', true],
  ['peerID', 'Key', false],
];

interface TableProps {
  readonly rows: readonly Row[];
  readonly outcomes: readonly (readonly [string, number])[];
  readonly outcome: string;
  readonly onOutcome: (outcome: string) => void;
  readonly chosen: number | undefined;
  readonly onChoose: (at: number | undefined) => void;
}

/** All nodes. */
export function NodeTable({ rows, outcomes, outcome, onOutcome, chosen, onChoose }: TableProps): JSX.Element {
  const [search, setSearch] = useState('');
  const [order, setOrder] = useState<Order>({ column: 'namedBy', descending: true });
  const shown = useMemo(() => select(rows, search, outcome, order), [rows, search, outcome, order]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer(shown.length, scroller);
  const items = virtualizer.getVirtualItems();
  const [first, last] = [items[0], items.at(-1)];
  const above = first?.start ?? 0;
  const below = last === undefined ? 0 : virtualizer.getTotalSize() - last.end;
  const moveTo = (index: number): void => {
    const to = Math.max(0, Math.min(shown.length - 1, index));
    virtualizer.scrollToIndex(to);
    // The row may have to be drawn first.
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-index="${to}"] button`)?.focus());
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-index]');
    if (row === null) return;
    const index = Number(row.dataset.index);
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 2);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -shown.length,
      End: shown.length,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    moveTo(index + step);
  };
  return (
    <>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          <span>Find</span>
          <input
            type="search"
            placeholder="address, key, version"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        <label>
          <span>Outcome</span>
          <select value={outcome} onChange={(event) => onOutcome(event.currentTarget.value)}>
            <option value="">all</option>
            {outcomes.map(([name, count]) => (
              <option key={name} value={name}>
                {`${name} (${count})`}
              </option>
            ))}
          </select>
        </label>
        <p role="status">{shown.length === rows.length ? `${rows.length} nodes` : `${shown.length} of ${rows.length} nodes`}</p>
      </form>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: users without a mouse scroll it with the keyboard */}
      <section class="scroller" ref={scroller} aria-label="Table of nodes" tabIndex={0} onKeyDown={onKeyDown}>
        <table aria-rowcount={shown.length + 1}>
          <thead>
            <tr aria-rowindex={1}>
              {COLUMNS.map(([column, title, isNumber]) => (
                <Heading key={column} column={column} title={title} isNumber={isNumber} order={order} onOrder={setOrder} />
              ))}
            </tr>
          </thead>
          <tbody>
            {above > 0 && <Spacer height={above} />}
            {items.map(({ index }) => {
              const row = shown[index] as Row;
              return <NodeRow key={row.at} row={row} index={index} isChosen={row.at === chosen} onChoose={onChoose} />;
            })}
            {below > 0 && <Spacer height={below} />}
          </tbody>
        </table>
      </section>
    </>
  );
}

function Spacer({ height }: { readonly height: number }): JSX.Element {
  return (
    <tr class="spacer">
      <td colSpan={COLUMNS.length} style={{ height: `${height}px` }} />
    </tr>
  );
}

interface HeadingProps {
  readonly column: Column;
  readonly title: string;
  readonly isNumber: boolean;
  readonly order: Order;
  readonly onOrder: (order: Order) => void;
}

function Heading({ column, title, isNumber, order, onOrder }: HeadingProps): JSX.Element {
  const isIt = order.column === column;
  const sort = isIt ? (order.descending ? 'descending' : 'ascending') : 'none';
  // Numbers are sorted from the highest first.
  const descending = isIt ? !order.descending : isNumber;
  return (
    <th scope="col" aria-sort={sort} class={isNumber ? 'number' : undefined}>
      <button type="button" onClick={() => onOrder({ column, descending })}>
        {title}
        <span aria-hidden="true" class="arrow">
          {isIt ? (order.descending ? '↓' : '↑') : ''}
        </span>
      </button>
    </th>
  );
}

interface RowProps {
  readonly row: Row;
  readonly index: number;
  readonly isChosen: boolean;
  readonly onChoose: (at: number | undefined) => void;
}

function NodeRow({ row, index, isChosen, onChoose }: RowProps): JSX.Element {
  const { node, at } = row;
  return (
    <tr aria-rowindex={index + 2} data-index={index} class={isChosen ? 'chosen' : undefined}>
      {COLUMNS.map(([column, , isNumber]) => {
        const value = cellOf(node, column);
        if (column === 'address')
          return (
            <th key={column} scope="row">
              <button type="button" aria-pressed={isChosen} onClick={() => onChoose(isChosen ? undefined : at)}>
                {node.address}
              </button>
            </th>
          );
        if (column === 'outcome')
          return (
            <td key={column}>
              <span class={`tone tone-${toneOf(node.outcome)}`} aria-hidden="true" />
              {node.outcome}
            </td>
          );
        return (
          <td key={column} class={isNumber ? 'number' : column === 'peerID' ? 'key' : undefined}>
            {value ?? ''}
          </td>
        );
      })}
    </tr>
  );
}

/** The adapter of @tanstack/virtual-core for Preact. */
function useVirtualizer(
  count: number,
  scroller: { readonly current: HTMLDivElement | null },
): Virtualizer<HTMLDivElement, Element> {
  const [, draw] = useReducer((drawn: number) => drawn + 1, 0);
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    initialRect: { width: 0, height: 20 * ROW_HEIGHT },
    onChange: () => draw(undefined as never),
  };
  const [virtualizer] = useState(() => new Virtualizer<HTMLDivElement, Element>(options));
  virtualizer.setOptions(options);
  useEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  return virtualizer;
}
