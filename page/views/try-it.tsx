/**
 * Try it: the user changes one byte or one field of a record, and sees what the receiver does.
 * @module
 */
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { type Field, fieldsOf, type WireRecord } from '../model/record.ts';
import type { Story } from '../model/story.ts';
import { NotPossible, suggestion, withByte, withField } from '../model/tamper.ts';
import { EveryField } from './every-field.tsx';
import { HexView } from './hex-view.tsx';
import { Outcome } from './outcome.tsx';
import { Section } from './text.tsx';

/** The section for changes. It begins with the record that is chosen above. */
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
      lead="Change a record on its way and see which check notices it. The code that speaks the protocol runs the checks in the browser."
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
  const isChanged = changed.size > 0 || wire.length !== record.wire.length;
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
  /** Flips the lowest bit of the current byte. The second time restores the byte. */
  const flipBit = (): void =>
    attempt(() => {
      if (!(at >= 0 && at < record.wire.length)) throw new NotPossible(`Bytes go from 0 to ${record.wire.length - 1}.`);
      const flipped = ((wire.length === record.wire.length ? wire[at] : record.wire[at]) ?? 0) ^ 1;
      setByte(flipped.toString(16).padStart(2, '0'));
      return withByte(record.wire, at, flipped);
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
          <button type="button" class="plain" onClick={flipBit}>
            Flip a bit
          </button>
          <button type="submit">Change byte</button>
        </form>
        <p class="was">
          <span class="quiet">Original:</span> <code>{field.value}</code>{' '}
          {isChanged && (
            <button type="button" class="link" onClick={() => setWire(record.wire)}>
              Restore
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
      <Outcome story={story} record={record} wire={wire} isChanged={isChanged} />
      <EveryField story={story} record={record} fields={original} />
    </div>
  );
}

function differences(before: Uint8Array, after: Uint8Array): ReadonlySet<number> {
  const changed = new Set<number>();
  for (let at = 0; at < after.length; at++) if (before[at] !== after[at]) changed.add(at);
  return changed;
}

function hexByte(wire: Uint8Array, at: number): string {
  return (wire[at] ?? 0).toString(16).padStart(2, '0');
}
