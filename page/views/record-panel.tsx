/**
 * One record: its bytes, its fields, and every check of it.
 * @module
 */

import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { MacVerdict } from '../../src/explain/picture.ts';
import type { Check, CheckState } from '../model/checks.ts';
import { type Field, fieldsOf, meaningOf, type WireRecord } from '../model/record.ts';
import { isRefusal } from '../model/replay.ts';
import { type FieldVerdict, ruleOf, verdictOf } from '../model/rules.ts';
import { receptionOf, type Story } from '../model/story.ts';
import { ProtocolLink } from './glossary.tsx';
import { describeBytes, HexView } from './hex-view.tsx';
import { Mark, ms, Section, SideName } from './text.tsx';

/** Maximum number of fields listed. More are a list of hashes or a transaction set. */
const MAX_FIELDS = 60;

/** The chosen record. */
export function RecordPanel({ story, record }: { readonly story: Story; readonly record: WireRecord }): JSX.Element {
  const fields = useMemo(() => fieldsOf(record.wire), [record.wire]);
  const [active, setActive] = useState<string | undefined>(undefined);
  const reception = receptionOf(story, record);
  const checks = reception?.checks ?? [];
  const lit = fields.find(({ path }) => path === active) ?? firstFailed(fields, record, checks) ?? fields[0];
  return (
    <Section
      id="record"
      title={record.type}
      lead={
        <>
          <SideName side={record.from} /> to <SideName side={record.to} />, {record.wire.length.toLocaleString('en')} bytes on the
          wire, at {ms(record.ms)}
        </>
      }
    >
      <div class="opened">
        <HexView label={`Bytes of ${record.type}`} wire={record.wire} fields={fields} active={lit?.path} onActive={setActive} />
        {lit && <Readout field={lit} record={record} checks={checks} />}
      </div>
      <FieldTable fields={fields} record={record} checks={checks} active={lit?.path} onActive={setActive} />
      <Checks story={story} record={record} checks={checks} />
    </Section>
  );
}

/** The highlighted field in words. */
function Readout(props: { readonly field: Field; readonly record: WireRecord; readonly checks: readonly Check[] }): JSX.Element {
  const { field, record, checks } = props;
  const rule = ruleOf(record.type, field);
  const meaning = meaningOf(field);
  return (
    <div class="readout" aria-live="off">
      <p class="readout-name">
        <b>{field.path}</b> <span class="quiet">{describeBytes(field)}</span>
      </p>
      <p class="readout-value">
        <code>{field.value === '' ? '(empty)' : field.value}</code>
        {meaning && <span> {meaning}</span>}
      </p>
      <p class="readout-rule">
        <VerdictMark verdict={verdictOf(rule, checks)} /> {rule.rule}{' '}
        <span class="quiet">
          protocol.md, <ProtocolLink section={rule.section} isStop={false} />
        </span>
      </p>
    </div>
  );
}

function FieldTable(props: {
  readonly fields: readonly Field[];
  readonly record: WireRecord;
  readonly checks: readonly Check[];
  readonly active: string | undefined;
  readonly onActive: (path: string) => void;
}): JSX.Element {
  const { fields, record, checks, active, onActive } = props;
  const shown = fields.slice(0, MAX_FIELDS);
  return (
    <>
      <table class="fields">
        <caption class="unseen">Fields of {record.type}, their values and rules</caption>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col" class="at">
              At
            </th>
            <th scope="col">Value</th>
            <th scope="col">Rule</th>
            <th scope="col">
              <span class="unseen">Holds</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((field) => {
            const rule = ruleOf(record.type, field);
            const meaning = meaningOf(field);
            return (
              <tr key={field.path} class={field.path === active ? 'lit' : undefined} onMouseEnter={() => onActive(field.path)}>
                <th scope="row">
                  <button type="button" onFocus={() => onActive(field.path)} onClick={() => onActive(field.path)}>
                    {field.path}
                  </button>
                </th>
                <td class="at">
                  {field.at}
                  <span class="quiet">+{field.length}</span>
                </td>
                <td class="value">
                  <code>{field.value}</code>
                  {meaning && <span class="quiet"> {meaning}</span>}
                </td>
                <td class="rule">
                  {rule.rule}{' '}
                  <span class="section-name">
                    <ProtocolLink section={rule.section} isStop={false} />
                  </span>
                </td>
                <td class="holds">
                  <VerdictMark verdict={verdictOf(rule, checks)} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {fields.length > shown.length && <p class="small">{fields.length - shown.length} more fields are in the bytes above.</p>}
    </>
  );
}

/** The checks of the receiver, in its order. */
function Checks(props: { readonly story: Story; readonly record: WireRecord; readonly checks: readonly Check[] }): JSX.Element {
  const { story, record, checks } = props;
  const { to } = record;
  const view = story.views[to];
  const error = receptionOf(story, record)?.error;
  const { witness } = view;
  return (
    <div class="checks">
      <h3>
        Checks of <SideName side={to} />
      </h3>
      {checks.length === 0 ? (
        <p>None: {view.end === undefined ? 'the record is not complete.' : `${to} had ended the connection before.`}</p>
      ) : (
        <ol>
          {checks.map(({ name, state, detail }) => (
            <li key={name} class={`check check-${state}`}>
              <Mark state={state} />
              <span>
                {name}
                {detail && <span class="detail"> {detail}</span>}
              </span>
            </li>
          ))}
        </ol>
      )}
      {isRefusal(error) && (
        <p class="refusal">
          {to}{' '}
          {error.told === null
            ? 'closes the connection and sends no reason.'
            : `sends ${error.told.code} “${error.told.message}” and closes the connection.`}{' '}
          {error.advice}
        </p>
      )}
      {witness.assumed && <p class="small">{to} sent no HELLO: these are the checks of a node that follows the protocol.</p>}
      {!witness.computesMacs && checks.some(({ name }) => name === 'MAC good') && (
        <p class="small">The MAC keys are not in this file. {MAC_WITHOUT_KEYS[record.mac]}</p>
      )}
    </div>
  );
}

/** What is known about a MAC that the page cannot compute. */
const MAC_WITHOUT_KEYS: Readonly<Record<MacVerdict, string>> = {
  good: 'When the record came, the MAC was verified and good.',
  bad: 'When the record came, the MAC was verified and bad.',
  none: '',
  unknown: 'This MAC was not verified: the record may be genuine or not.',
};

/** The field most closely related to a failed check: the one with the fewest checks. */
function firstFailed(fields: readonly Field[], record: WireRecord, checks: readonly Check[]): Field | undefined {
  const rules = fields.map((field) => ({ field, rule: ruleOf(record.type, field) }));
  const failed = rules.filter(({ rule }) => verdictOf(rule, checks) === 'failed');
  return failed.sort((a, b) => a.rule.checks.length - b.rule.checks.length)[0]?.field;
}

const STATE: Readonly<Record<FieldVerdict, CheckState | 'unchecked'>> = {
  ok: 'ok',
  failed: 'failed',
  unverified: 'unverified',
  unchecked: 'unchecked',
  'not reached': 'skipped',
};

function VerdictMark({ verdict }: { readonly verdict: FieldVerdict }): JSX.Element {
  return <Mark state={STATE[verdict]} />;
}
