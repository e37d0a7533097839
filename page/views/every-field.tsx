/**
 * Changes the fields of a record one at a time, and shows which check notices each change.
 * @module
 */
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { Field, WireRecord } from '../model/record.ts';
import { isRefusal } from '../model/replay.ts';
import type { Story } from '../model/story.ts';
import { suggestion, tamper, withField } from '../model/tamper.ts';

/** Maximum number of fields that are changed. */
const MAX_FIELDS = 40;

/** The table. It is computed when the user asks for it. */
export function EveryField(props: {
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
          Change every field of this {record.type}, one at a time
        </button>
      )}
      {open && (
        <table>
          <caption>Every field of {record.type}, changed one at a time</caption>
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
                <td>{check ?? <span class="quiet">none: nobody notices</span>}</td>
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

function changeEach(story: Story, record: WireRecord, fields: readonly Field[]): readonly EachRow[] {
  return fields.slice(0, MAX_FIELDS).map((field): EachRow => {
    const { after } = tamper(story, record, withField(record.wire, field, suggestion(field, record.wire)));
    const { end, waits, receptions } = after;
    if (!isRefusal(end?.error))
      return { path: field.path, check: waits ? 'waits for more bytes' : undefined, told: waits ? 'nothing' : '' };
    const failed = receptions.get(end?.index ?? -1)?.checks.find(({ state }) => state === 'failed')?.name;
    const where = end?.index === record.index ? '' : ' (later)';
    const { told } = end?.error ?? {};
    return { path: field.path, check: `${failed ?? ''}${where}`, told: told ? `${told.code} “${told.message}”` : 'nothing' };
  });
}
