/**
 * The sequence diagram: a lifeline for each side, and an arrow for each record at its time.
 * @module
 */
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Side } from '../../src/explain/picture.ts';
import type { OverlayErrorCode } from '../../src/protocol/error-table.ts';
import { otherSide, type WireRecord } from '../model/record.ts';
import { isRefusal } from '../model/replay.ts';
import { receptionOf, type Story } from '../model/story.ts';
import { helloOf } from '../model/witness.ts';
import { count, Hex, Mark, ms, Section } from './text.tsx';

/** Number of rows shown at first: the handshake and the messages directly after it. */
const FIRST_ROWS = 14;

/** The peer closed the connection and gave no reason, even if a second look found one. */
const CLOSED_BY_PEER: readonly OverlayErrorCode[] = [
  'OVERLAY_CONNECTION_CLOSED',
  'OVERLAY_OTHER_NETWORK',
  'OVERLAY_OWN_CLOCK_BEHIND',
  'OVERLAY_BANNED_THERE',
  'OVERLAY_CLOSED_AT_ONCE',
];

/** The diagram. A click on an arrow chooses its record. */
export function Sequence(props: {
  readonly story: Story;
  readonly selected: number | undefined;
  readonly onSelect: (index: number) => void;
}): JSX.Element {
  const { story, selected, onSelect } = props;
  const [all, showAll] = useState(false);
  const rows = rowsOf(story);
  const shown = all ? rows : rows.slice(0, FIRST_ROWS);
  const hidden = rows.length - shown.length;
  return (
    <Section id="sequence" title="What each side sent, and when">
      <PhaseBar story={story} />
      <div class="lifelines">
        <div class="heads">
          <Head side="A" story={story} />
          <Head side="B" story={story} />
        </div>
        <ol class="rows">
          {shown.map((row) => (
            <li key={row.key} class={`row row-${row.kind}`} style={{ marginTop: `${row.gap}px` }}>
              {row.kind === 'record' ? (
                <Arrow row={row} story={story} isSelected={row.record.index === selected} onSelect={onSelect} />
              ) : (
                <Marker row={row} />
              )}
            </li>
          ))}
        </ol>
      </div>
      {hidden > 0 && (
        <button type="button" class="more" onClick={() => showAll(true)}>
          Show {count(hidden, 'more row')}
        </button>
      )}
      {story.picture.omitted > 0 && <p class="small">{count(story.picture.omitted, 'record')} after these are left out.</p>}
    </Section>
  );
}

type Row = RecordRow | MarkerRow;

interface RecordRow {
  readonly kind: 'record';
  readonly key: string;
  readonly gap: number;
  readonly record: WireRecord;
}

interface MarkerRow {
  readonly kind: 'marker' | 'end';
  readonly key: string;
  readonly gap: number;
  readonly at: number | undefined;
  readonly side?: Side;
  readonly text: ComponentChildren;
}

/** Records and what happens between them, in order. */
function rowsOf(story: Story): readonly Row[] {
  const { picture, records, views, complete, macs } = story;
  const { error, own = 'A' } = picture;
  const rows: Row[] = [];
  let lastMs = 0;
  const gapTo = (now: number): number => {
    const gap = Math.round(Math.min(40, 12 * Math.log10(1 + Math.max(0, now - lastMs))));
    lastMs = now;
    return gap;
  };
  const marker = (kind: MarkerRow['kind'], key: string, at: number | undefined, text: ComponentChildren, side?: Side): void => {
    rows.push({ kind, key, gap: at === undefined ? 0 : gapTo(at), at, text, ...(side && { side }) });
  };
  if (records[0] && picture.source !== 'demo') {
    const { dnsMs = 0, tcpMs } = picture.timings ?? {};
    marker('marker', 'tcp', tcpMs === undefined ? undefined : dnsMs + tcpMs, 'TCP is connected');
  }
  let begun = false;
  for (const [index, event] of picture.events.entries()) {
    if (event.kind === 'stray') {
      const text = `${event.from} sends ${count(event.length, 'byte')} that are no complete record`;
      marker('end', `stray${index}`, event.ms, <Stray text={text} hex={event.hex} />, event.from);
      continue;
    }
    if (event.kind === 'note') {
      marker(event.isFault ? 'end' : 'marker', `note${index}`, event.ms, event.text, event.from);
      continue;
    }
    const record = records.find((other) => other.index === index);
    if (record === undefined) continue;
    if (!begun && record.type === 'AUTH') {
      begun = true;
      marker('marker', 'auth', undefined, 'Authentication begins: from here on a sequence and a MAC');
    }
    rows.push({ kind: 'record', key: `record${index}`, gap: gapTo(record.ms), record });
    const { end, authenticatedAt } = views[record.to];
    if (authenticatedAt === index && views[record.from].authenticatedAt !== undefined && record.to === 'A' && complete) {
      const proved =
        macs.unverified === 0 ? 'Both sides are authenticated' : 'The handshake is complete; its MACs are not verified';
      marker('marker', 'authenticated', undefined, proved);
    }
    // An assumed peer is shown with what it did, not with what it was assumed to do.
    if (end?.index !== index || (views[record.to].witness.assumed && error !== undefined)) continue;
    const { told, peerError } = end.error;
    const drop = told === null ? 'and sends no reason' : `and sends “${told.message}”`;
    const text = isRefusal(end.error)
      ? `${record.to} closes the connection ${drop}`
      : `${record.from} has ended the connection: “${peerError?.message ?? ''}”`;
    marker('end', `end${index}`, undefined, text, record.to);
  }
  if (error !== undefined && views[own].end === undefined) {
    if (CLOSED_BY_PEER.includes(error.code))
      marker('end', 'error', error.ms, `${otherSide(own)} closes the connection and sends no reason`, otherSide(own));
    else marker('end', 'error', error.ms, error.message, own);
  }
  return rows;
}

function Head({ side, story }: { readonly side: Side; readonly story: Story }): JSX.Element {
  const { picture, peerIDs } = story;
  const peerID = peerIDs[side];
  const version = helloOf(picture, side)?.versionStr;
  const address = picture.addresses[side];
  return (
    <div class={`head head-${side}`}>
      <p class="who">
        <b>{side}</b> {side === 'A' ? 'dialled' : 'accepted'}
        {picture.own === side && ', this is us'}
      </p>
      <p class="peer-id">{peerID ?? 'sent no HELLO'}</p>
      {version && <p class="quiet">{version}</p>}
      {address && <p class="quiet">{address}</p>}
    </div>
  );
}

function Arrow(props: {
  readonly row: RecordRow;
  readonly story: Story;
  readonly isSelected: boolean;
  readonly onSelect: (index: number) => void;
}): JSX.Element {
  const { record } = props.row;
  const { from, to, type, wire, index } = record;
  const reception = receptionOf(props.story, record);
  const error = reception?.error;
  const refused = isRefusal(error);
  // Of a node that never answered it is not known whether it received a record.
  const isSeen = refused || (reception !== undefined && !props.story.views[to].witness.assumed);
  const isUnverified = reception?.checks.some(({ state }) => state === 'unverified') === true;
  const words = wordsOf(record, refused, isUnverified);
  return (
    <button
      type="button"
      class={`arrow arrow-${from}${refused ? ' arrow-bad' : ''}`}
      aria-current={props.isSelected ? 'true' : undefined}
      onClick={() => props.onSelect(index)}
    >
      <span class="when">{ms(record.ms)}</span>
      <span class="label">
        <b>{type}</b> <span class="quiet">{wire.length.toLocaleString('en')} B</span>
        {words !== '' && <span class={words === NOT_VERIFIED ? 'quiet' : 'flag'}> {words}</span>}
        <span class="unseen">
          {' '}
          from {from} to {to}
        </span>
      </span>
      <span class="line" aria-hidden="true" />
      <span class="outcome">{isSeen && <Mark state={refused ? 'failed' : isUnverified ? 'unverified' : 'ok'} />}</span>
    </button>
  );
}

const NOT_VERIFIED = 'MAC not verified';

/** The words of an arrow beside its type. */
function wordsOf({ type, mac }: WireRecord, isRefused: boolean, isUnverified: boolean): string {
  if (type === 'ERROR_MSG') return 'no MAC';
  if (mac === 'bad') return 'bad MAC';
  if (isRefused) return 'refused';
  return isUnverified ? NOT_VERIFIED : '';
}

function Marker({ row }: { readonly row: MarkerRow }): JSX.Element {
  return (
    <div class={`marker${row.side ? ` marker-${row.side}` : ''}`}>
      <span class="when">{row.at === undefined ? '' : ms(row.at)}</span>
      <div class="marker-text">{row.text}</div>
    </div>
  );
}

/** Bytes that are no record. They are shown on request. */
function Stray({ text, hex }: { readonly text: string; readonly hex: string }): JSX.Element {
  return (
    <details>
      <summary>{text}</summary>
      <Hex hex={hex} />
    </details>
  );
}

/** The time of each phase. */
function PhaseBar({ story }: { readonly story: Story }): JSX.Element | null {
  const { phases } = story;
  const total = phases.reduce((sum, phase) => sum + phase.ms, 0);
  if (total <= 0) return null;
  return (
    <ul class="phases" aria-label="Time of each phase">
      {phases.map((phase) => (
        <li key={phase.name} style={{ flexGrow: String(Math.max(0.12, phase.ms / total)) }}>
          <span class={`phase phase-${phase.name}`} aria-hidden="true" />
          <span class="phase-name">{phase.name}</span> <span class="quiet">{ms(phase.ms)}</span>
        </li>
      ))}
    </ul>
  );
}
