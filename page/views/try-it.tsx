/**
 * Try it: one byte or one field of a record changed on the way, and what the receiver then does.
 * @module
 */
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { type Field, fieldsOf, type WireRecord } from '../model/record.ts';
import { isRefusal, type View } from '../model/replay.ts';
import type { Story } from '../model/story.ts';
import { NotPossible, suggestion, tamper, withByte, withField } from '../model/tamper.ts';
import { HexView } from './hex-view.tsx';
import { Mark, Section, SideName } from './text.tsx';

/** The laboratory. It begins with the record that is open above. */
export function TryIt({
  story,
  selected,
}: {
  readonly story: Story;
  readonly selected: WireRecord | undefined;
}): JSX.Element | null {
  const records = story.records.filter(({ type }) => type !== 'MALFORMED').slice(0, 40);
  const [index, setIndex] = useState<number | undefined>(undefined);
  const record = records.find((other) => other.index === (index ?? selected?.index)) ?? records[0];
  if (record === undefined) return null;
  return (
    <Section
      id="try"
      title="Try it"
      lead="Change a record on its way and see who notices. The code that speaks the protocol does the checking, here in the browser."
    >
      <label class="control control-wide">
        <span>Record</span>
        <select
          name="record"
          value={String(record.index)}
          onChange={({ currentTarget }) => setIndex(Number(currentTarget.value))}
        >
          {records.map((each, number) => (
            <option key={each.index} value={String(each.index)}>
              {number + 1}. {each.type}, {each.from} to {each.to}
            </option>
          ))}
        </select>
      </label>
      <Bench key={record.index} story={story} record={record} />
    </Section>
  );
}

function Bench({ story, record }: { readonly story: Story; readonly record: WireRecord }): JSX.Element {
  const original = useMemo(() => fieldsOf(record.wire), [record.wire]);
  const [path, setPath] = useState(original.find((field) => field.path === 'networkID')?.path ?? original.at(-1)?.path ?? '');
  const field = original.find((each) => each.path === path) ?? (original[0] as Field);
  const [value, setValue] = useState(suggestion(field, record.wire));
  const [at, setAt] = useState(field.at);
  const [byte, setByte] = useState(hexByte(record.wire, field.at));
  const [wire, setWire] = useState(record.wire);
  const [mistake, setMistake] = useState<string | undefined>(undefined);
  const changed = useMemo(() => differences(record.wire, wire), [record.wire, wire]);
  const fields = useMemo(() => fieldsOf(wire), [wire]);

  const chooseField = (next: string): void => {
    const found = original.find((each) => each.path === next);
    if (found === undefined) return;
    setPath(next);
    setValue(suggestion(found, record.wire));
    chooseByte(found.at);
  };
  const chooseByte = (next: number): void => {
    setAt(next);
    setByte(hexByte(record.wire, next));
  };
  const attempt = (make: () => Uint8Array): void => {
    try {
      setWire(make());
      setMistake(undefined);
    } catch (error) {
      if (!(error instanceof NotPossible)) throw error;
      setMistake(error.message);
    }
  };
  const applyByte = (): void =>
    attempt(() => {
      if (!/^[0-9a-f]{1,2}$/i.test(byte)) throw new NotPossible('A byte is two hex digits.');
      if (!(at >= 0 && at < record.wire.length)) throw new NotPossible(`Bytes go from 0 to ${record.wire.length - 1}.`);
      return withByte(record.wire, at, Number.parseInt(byte, 16));
    });
  return (
    <div class="split try">
      <div>
        <form
          class="controls"
          onSubmit={(event) => {
            event.preventDefault();
            attempt(() => withField(record.wire, field, value));
          }}
        >
          <label class="control">
            <span>Field</span>
            <select name="field" value={path} onChange={({ currentTarget }) => chooseField(currentTarget.value)}>
              {original.map((each) => (
                <option key={each.path} value={each.path}>
                  {each.path}
                </option>
              ))}
            </select>
          </label>
          <label class="control control-wide">
            <span>becomes</span>
            <input
              name="value"
              value={value}
              spellcheck={false}
              autocomplete="off"
              onInput={({ currentTarget }) => setValue(currentTarget.value)}
            />
          </label>
          <button type="submit">Change field</button>
        </form>
        <form
          class="controls"
          onSubmit={(event) => {
            event.preventDefault();
            applyByte();
          }}
        >
          <label class="control control-small">
            <span>Byte</span>
            <input
              name="at"
              value={String(at)}
              inputMode="numeric"
              autocomplete="off"
              onInput={({ currentTarget }) => chooseByte(Number(currentTarget.value.replace(/\D/g, '')))}
            />
          </label>
          <label class="control control-small">
            <span>becomes</span>
            <input
              name="byte"
              value={byte}
              maxLength={2}
              spellcheck={false}
              autocomplete="off"
              onInput={({ currentTarget }) => setByte(currentTarget.value)}
            />
          </label>
          <button type="button" class="plain" onClick={() => setByte(((record.wire[at] ?? 0) ^ 1).toString(16).padStart(2, '0'))}>
            Flip a bit
          </button>
          <button type="submit">Change byte</button>
        </form>
        <p class="was">
          <span class="quiet">As it came:</span> <code>{field.value}</code>{' '}
          {wire !== record.wire && (
            <button type="button" class="link" onClick={() => setWire(record.wire)}>
              Put it back
            </button>
          )}
        </p>
        {mistake && (
          <p class="mistake" role="alert">
            {mistake}
          </p>
        )}
        <HexView
          label={`Bytes of ${record.type} as changed`}
          wire={wire}
          fields={fields}
          active={path}
          onActive={() => {}}
          changed={changed}
          onByte={(picked) => {
            const owner = original.find((each) => picked >= each.at && picked < each.at + each.length);
            if (owner !== undefined) chooseField(owner.path);
            chooseByte(picked);
          }}
        />
      </div>
      <Outcome story={story} record={record} wire={wire} isChanged={changed.size > 0 || wire.length !== record.wire.length} />
      <EveryField story={story} record={record} fields={original} />
    </div>
  );
}

function Outcome(props: {
  readonly story: Story;
  readonly record: WireRecord;
  readonly wire: Uint8Array;
  readonly isChanged: boolean;
}): JSX.Element {
  const { story, record, wire, isChanged } = props;
  const result = useMemo(
    () => (isChanged ? tamper(story.picture, record, wire) : undefined),
    [story.picture, record, wire, isChanged],
  );
  const { to } = record;
  return (
    <div class="outcome-panel" aria-live="polite" data-testid="outcome">
      {result === undefined ? (
        <p class="quiet">
          Nothing is changed yet. What <SideName side={to} /> would do with the changed record appears here.
        </p>
      ) : (
        <AfterChange view={result.after} before={result.before} story={story} record={record} />
      )}
    </div>
  );
}

function AfterChange(props: {
  readonly view: View;
  readonly before: View;
  readonly story: Story;
  readonly record: WireRecord;
}): JSX.Element {
  const { view, before, story, record } = props;
  const { side, end, witness } = view;
  const { sentence, verdict } = outcomeOf(view, before);
  const at = end && story.records.find(({ index }) => index === end.index);
  const failed = end && view.receptions.get(end.index)?.checks.find(({ state }) => state === 'failed');
  const { error } = end ?? {};
  return (
    <>
      <p class={`sentence sentence-${verdict}`}>{sentence}</p>
      {verdict === 'noticed' && isRefusal(error) && (
        <dl class="consequence">
          {failed && (
            <div>
              <dt>Check that fails</dt>
              <dd>
                <Mark state="failed" /> {failed.name}
                {failed.detail && <span class="detail"> {failed.detail}</span>}
              </dd>
            </div>
          )}
          {at && at.index !== record.index && (
            <div>
              <dt>Where</dt>
              <dd>
                Not at the changed {record.type}, but at the {at.type} that follows it.
              </dd>
            </div>
          )}
          <div>
            <dt>The peer is told</dt>
            <dd>
              {error.told === null ? (
                'nothing: a silent drop'
              ) : (
                <>
                  <code>{error.told.code}</code> “{error.told.message}”
                </>
              )}
            </dd>
          </div>
          {error.dropReason && (
            <div>
              <dt>stellar-core logs</dt>
              <dd>{error.dropReason}</dd>
            </div>
          )}
          <div>
            <dt>Advice</dt>
            <dd>{error.advice}</dd>
          </div>
        </dl>
      )}
      {witness.assumed && <p class="small">{side} never introduced itself: this is a node with the usual settings.</p>}
      {!witness.assumed && story.picture.own !== undefined && story.picture.own !== side && (
        <p class="small">What {side} has configured, a ban for example, is not known here.</p>
      )}
      {!witness.computesMacs && (
        <p class="small">
          The MAC keys are not in this file, so MACs are not computed: a record that is no longer the one that came has a wrong
          one.
        </p>
      )}
    </>
  );
}

/** Whether the change was noticed, in a sentence. */
function outcomeOf(view: View, before: View): { readonly sentence: string; readonly verdict: 'noticed' | 'unnoticed' | 'same' } {
  const { side, end, waits } = view;
  if (end === undefined && waits && !before.waits)
    return { verdict: 'noticed', sentence: `${side} waits for bytes that never come, until its deadline ends the connection.` };
  const isSame = end?.error.code === before.end?.error.code && end?.index === before.end?.index;
  if (isSame && end !== undefined)
    return { verdict: 'same', sentence: `It makes no difference: ${side} ends the connection as it did, for the same reason.` };
  if (end === undefined || !isRefusal(end.error)) {
    return {
      verdict: 'unnoticed',
      sentence: `${side} does not notice. Neither a check nor a key depends on these bytes: they are not authenticated.`,
    };
  }
  return { verdict: 'noticed', sentence: `${side} refuses: ${end.error.message}` };
}

/** Each field changed in turn. */
function EveryField(props: {
  readonly story: Story;
  readonly record: WireRecord;
  readonly fields: readonly Field[];
}): JSX.Element {
  const { story, record, fields } = props;
  const [open, setOpen] = useState(false);
  const rows = useMemo(() => (open ? changeEach(story, record, fields) : []), [open, story, record, fields]);
  return (
    <div class="every">
      {!open && (
        <button type="button" class="plain" onClick={() => setOpen(true)}>
          Change every field of this {record.type} in turn
        </button>
      )}
      {open && (
        <table>
          <caption>Every field of {record.type}, changed in turn</caption>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Check that fails</th>
              <th scope="col">{record.from} is told</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ path, check, told }) => (
              <tr key={path}>
                <th scope="row">{path}</th>
                <td>{check ?? <span class="quiet">nobody notices</span>}</td>
                <td>{told}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

interface EachRow {
  readonly path: string;
  readonly check: string | undefined;
  readonly told: string;
}

function changeEach({ picture }: Story, record: WireRecord, fields: readonly Field[]): readonly EachRow[] {
  return fields.slice(0, 40).map((field): EachRow => {
    const { after } = tamper(picture, record, withField(record.wire, field, suggestion(field, record.wire)));
    const { end, waits, receptions } = after;
    if (!isRefusal(end?.error))
      return { path: field.path, check: waits ? 'waits for more bytes' : undefined, told: waits ? 'nothing' : '' };
    const failed = receptions.get(end?.index ?? -1)?.checks.find(({ state }) => state === 'failed')?.name;
    const where = end?.index === record.index ? '' : ' (later)';
    const { told } = end?.error ?? {};
    return { path: field.path, check: `${failed ?? ''}${where}`, told: told ? `${told.code} “${told.message}”` : 'nothing' };
  });
}

function differences(before: Uint8Array, after: Uint8Array): ReadonlySet<number> {
  const changed = new Set<number>();
  for (let at = 0; at < after.length; at++) if (before[at] !== after[at]) changed.add(at);
  return changed;
}

function hexByte(wire: Uint8Array, at: number): string {
  return (wire[at] ?? 0).toString(16).padStart(2, '0');
}
