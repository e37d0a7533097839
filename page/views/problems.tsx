/**
 * What failed, in a sentence, and what to do. It comes first on the page.
 * @module
 */
import type { JSX } from 'preact';
import { type Problem, type Story, unverifiedMacs } from '../model/story.ts';

/** The problems of a story; one line when there are none. */
export function Problems({
  story,
  onChoose,
}: {
  readonly story: Story;
  readonly onChoose: (index: number) => void;
}): JSX.Element {
  const { problems, complete, picture } = story;
  const unverified = unverifiedMacs(story);
  if (problems.length > 0) {
    return (
      <section class="verdict verdict-bad" aria-label="What failed">
        {problems.map((problem) => (
          <ProblemText key={`${problem.by} ${problem.code}`} problem={problem} story={story} onChoose={onChoose} />
        ))}
      </section>
    );
  }
  const isGood = picture.running || (complete && unverified === undefined);
  const sentence =
    isGood && !picture.running
      ? 'Every check passes. Both sides have proved that they have the keys of their HELLO, and each record has a good MAC.'
      : picture.running
        ? 'Every check so far passes.'
        : complete
          ? 'The checks that need no keys pass: certificates, sequences and well-formed messages.'
          : 'No check fails, but the handshake is not complete: the rest is not in this recording.';
  return (
    <section class={isGood ? 'verdict verdict-good' : 'verdict'} aria-label="Result">
      <p class="sentence">{sentence}</p>
      {!isGood && unverified !== undefined && (
        <p>
          {unverified}. Only MACs tell whether these records are genuine, and whether both sides hold the keys their HELLO names:
          a key log (--keylog FILE) of this connection verifies them.
        </p>
      )}
    </section>
  );
}

function ProblemText(props: {
  readonly problem: Problem;
  readonly story: Story;
  readonly onChoose: (index: number) => void;
}): JSX.Element {
  const { sentence, check, advice, told, code, index, by } = props.problem;
  const record = props.story.records.find((other) => other.index === index);
  return (
    <article>
      <p class="sentence">{sentence}</p>
      <p>{advice}</p>
      {check && (
        <p class="small">
          Check that fails: {check.name}. {check.detail !== undefined && !sentence.includes(check.detail) && check.detail}
        </p>
      )}
      <p class="small">
        {told !== undefined && by !== 'capture' && (
          <>
            {told === null ? (
              `${by} sends its peer no reason.`
            ) : (
              <>
                {by} tells its peer <code>{told.code}</code> “{told.message}”.
              </>
            )}{' '}
          </>
        )}
        {code !== '' && <code>{code}</code>}
        {record !== undefined && (
          <>
            {' '}
            <button type="button" class="link" onClick={() => props.onChoose(record.index)}>
              Show the {record.type} it is about
            </button>
          </>
        )}
      </p>
    </article>
  );
}
