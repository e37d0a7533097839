/**
 * What the receiver does with a record that was changed on its way.
 * @module
 */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import type { WireRecord } from '../model/record.ts';
import { isRefusal, type View } from '../model/replay.ts';
import type { Story } from '../model/story.ts';
import { tamper } from '../model/tamper.ts';
import { Mark, SideName } from './text.tsx';

/** What the receiver does with the changed record, compared with the original one. */
export function Outcome(props: {
  readonly story: Story;
  readonly record: WireRecord;
  readonly wire: Uint8Array;
  readonly isChanged: boolean;
}): JSX.Element {
  const { story, record, wire, isChanged } = props;
  const result = useMemo(() => (isChanged ? tamper(story, record, wire) : undefined), [story.picture, record, wire, isChanged]);
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
                {failed.detail && !sentence.includes(failed.detail) && <span class="detail"> {failed.detail}</span>}
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
      {witness.assumed && <p class="small">{side} sent no HELLO: this is a node with the usual settings.</p>}
      {!witness.assumed && story.picture.own !== undefined && story.picture.own !== side && (
        <p class="small">The configuration of {side}, such as a ban, is not known here.</p>
      )}
      {!witness.computesMacs && (
        <p class="small">
          The MAC keys are not in this file, so MACs are not computed. The MAC of a changed record counts as wrong
          {record.mac === 'unknown' ? ', if the MAC of the original record was good' : ''}.
        </p>
      )}
    </>
  );
}

/** Whether the change was noticed, in a sentence. */
function outcomeOf(view: View, before: View): { readonly sentence: string; readonly verdict: 'noticed' | 'unnoticed' | 'same' } {
  const { side, end, waits } = view;
  if (end === undefined && waits && !before.waits)
    return { verdict: 'noticed', sentence: `${side} waits for bytes that never come. Then its deadline ends the connection.` };
  const isSame = end?.error.code === before.end?.error.code && end?.index === before.end?.index;
  if (isSame && end !== undefined)
    return { verdict: 'same', sentence: `It makes no difference: ${side} ends the connection for the same reason as before.` };
  if (end === undefined || !isRefusal(end.error)) {
    return {
      verdict: 'unnoticed',
      sentence: `${side} does not notice. Neither a check nor a key depends on these bytes: they are not authenticated.`,
    };
  }
  return { verdict: 'noticed', sentence: `${side} refuses: ${end.error.message}` };
}
