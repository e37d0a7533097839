/**
 * Validators with their state, quorum sets, and the health of the user's quorum set.
 * @module
 */
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { CrawlPageData } from '../../../src/crawl/page-data.ts';
import type { SCPQuorumSet } from '../../../src/protocol/wire/messages.ts';

const STATES = { validating: 'ok', delayed: 'full', disagrees: 'wrong', missing: 'silent' } as const;

/** Validators and quorum sets. */
export function Validators({ data }: { readonly data: CrawlPageData }): JSX.Element | null {
  const { validators, weighed, quorumSets, counts, own } = data;
  if (validators.length === 0 && own === undefined) return null;
  const listed = validators.filter((line) => line.weighed).length;
  return (
    <section id="validators" aria-labelledby="validators-title">
      <h2 id="validators-title">Validators</h2>
      <p class="small">
        {`${weighed} are weighed: ${own ? 'they are in the closure of your quorum set' : 'quorum sets of the reached nodes name them'}, directly or through others.`}
        {listed < weighed && ` ${listed} of them are listed; the file of the crawl has all.`}
        {counts && counts.unweighed > 0 && ` ${counts.unweighed} more are not: anyone can make keys.`}
      </p>
      {own && <Health own={own} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: users without a mouse scroll it with the keyboard */}
      <section class="scroller short" aria-label="Table of validators" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col" class="plain-heading">
                Key
              </th>
              <th scope="col" class="plain-heading">
                State
              </th>
              <th scope="col" class="plain-heading number">
                Ledger
              </th>
              <th scope="col" class="plain-heading">
                Statement
              </th>
              <th scope="col" class="plain-heading">
                Quorum set
              </th>
              <th scope="col" class="plain-heading">
                Weighed
              </th>
            </tr>
          </thead>
          <tbody>
            {validators.map(({ peerID, state, ledgerSeq, statement, quorumSetHash, weighed: counts }) => (
              <tr key={peerID}>
                <th scope="row" class="key">
                  {peerID}
                </th>
                <td>
                  <span class={`tone tone-${STATES[state]}`} aria-hidden="true" />
                  {state}
                </td>
                <td class="number">{ledgerSeq ?? ''}</td>
                <td>{statement ?? ''}</td>
                <td class="key">{quorumSetHash?.slice(0, 12) ?? ''}</td>
                <td>{counts ? 'yes' : 'no'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {quorumSets.length > 0 && <h3>Quorum sets</h3>}
      {quorumSets.map(({ hash, quorumSet }) => (
        <Details key={hash} quorumSet={quorumSet}>
          <code>{hash.slice(0, 12)}</code>
          {` ${describe(quorumSet)}, used by ${validators.filter((line) => line.quorumSetHash === hash).length}`}
        </Details>
      ))}
    </section>
  );
}

function Health({ own }: { readonly own: NonNullable<CrawlPageData['own']> }): JSX.Element {
  const { met, nodes, missing, blockedBy, quorumSet } = own;
  return (
    <section class="health" aria-labelledby="health-title">
      <h3 id="health-title">
        <span class={`mark mark-${met ? 'ok' : 'failed'}`} aria-hidden="true">
          {met ? '✓' : '✗'}
        </span>
        {met ? 'Your quorum set is met' : 'Your quorum set is not met'}
      </h3>
      <p>{`${nodes.length - missing.length} of its ${nodes.length} nodes validate.`}</p>
      {met && <p>{`It would stop if ${blockedBy.length} more of them failed, for example these:`}</p>}
      {met && <Keys keys={blockedBy} />}
      {missing.length > 0 && <p>Missing:</p>}
      <Keys keys={missing} />
      <Details quorumSet={quorumSet}>{describe(quorumSet)}</Details>
    </section>
  );
}

function Keys({ keys }: { readonly keys: readonly string[] }): JSX.Element | null {
  if (keys.length === 0) return null;
  return (
    <ul class="keys-list">
      {keys.map((peerID) => (
        <li key={peerID}>
          <code>{peerID}</code>
        </li>
      ))}
    </ul>
  );
}

/** A quorum set that is drawn when it is opened: one can have a thousand keys. */
function Details(props: { readonly quorumSet: SCPQuorumSet; readonly children: ComponentChildren }): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="quorum-set" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{props.children}</summary>
      {isOpen && <Tree quorumSet={props.quorumSet} />}
    </details>
  );
}

function Tree({ quorumSet }: { readonly quorumSet: SCPQuorumSet }): JSX.Element {
  const { validators, innerSets } = quorumSet;
  return (
    <ul class="tree">
      {validators.map((peerID) => (
        <li key={peerID}>
          <code>{peerID}</code>
        </li>
      ))}
      {innerSets.map((set, at) => (
        <li key={`${at} ${set.validators[0] ?? ''}`}>
          {describe(set)}
          <Tree quorumSet={set} />
        </li>
      ))}
    </ul>
  );
}

function describe({ threshold, validators, innerSets }: SCPQuorumSet): string {
  return `${threshold} of ${validators.length + innerSets.length}`;
}
