/**
 * The whole page: the result first, then its parts.
 * @module
 */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Side } from '../../src/explain/picture.ts';
import { toHex } from '../../src/protocol/bytes.ts';
import { networkName } from '../../src/protocol/networks.ts';
import { type Story, unverifiedMacs } from '../model/story.ts';
import { helloOf } from '../model/witness.ts';
import { Glossary, Protocol } from './glossary.tsx';
import { Keys } from './keys.tsx';
import { Problems } from './problems.tsx';
import { RecordPanel } from './record-panel.tsx';
import { Sequence } from './sequence.tsx';
import { count, ms, SideName, shortKey } from './text.tsx';
import { TryIt } from './try-it.tsx';

/** Shown while there is no picture. */
export function Waiting({ text }: { readonly text: string }): JSX.Element {
  return (
    <main class="waiting">
      <h1>{text}</h1>
    </main>
  );
}

/** The page of a picture. */
export function Page({ story, live }: { readonly story: Story; readonly live: string | undefined }): JSX.Element {
  const { records, problems, picture } = story;
  const telling = problems.find(({ index }) => records.some((record) => record.index === index))?.index;
  const [chosen, choose] = useState<number | undefined>(undefined);
  const selected = records.find(({ index }) => index === (chosen ?? telling)) ?? records[0];
  return (
    <>
      <a class="skip" href="#sequence">
        Skip to the sequence
      </a>
      <header class="masthead">
        <p class="overline">Stellar overlay handshake</p>
        <h1>{headline(story)}</h1>
        <Problems story={story} onChoose={choose} />
        <Facts story={story} />
        {live !== undefined && (
          <p class="live" role="status">
            <span class={picture.running ? 'pulse on' : 'pulse'} aria-hidden="true" />
            {live}
          </p>
        )}
      </header>
      <main>
        {records.length > 0 && (
          <>
            <nav aria-label="Parts of this page">
              <a href="#sequence">Sequence</a>
              <a href="#record">Record</a>
              <a href="#keys">Keys</a>
              <a href="#try">Try it</a>
              <a href="#glossary">Words</a>
              <a href="#protocol">Protocol</a>
            </nav>
            <div class="split">
              <Sequence story={story} selected={selected?.index} onSelect={choose} />
              {selected && <RecordPanel story={story} record={selected} />}
            </div>
            <Keys picture={picture} />
            <TryIt story={story} selected={selected} />
          </>
        )}
        {records.length === 0 && <Sequence story={story} selected={undefined} onSelect={choose} />}
        <Glossary />
        <Protocol />
      </main>
      <footer>
        <p>
          This page uses no network: the browser computes everything, with the same code that speaks the protocol. Nothing on the
          wire is encrypted. The channel proves who sent each message and that nobody changed it.
        </p>
      </footer>
    </>
  );
}

function headline(story: Story): string {
  const unverified = story.picture.running ? undefined : unverifiedMacs(story);
  return unverified === undefined ? outcome(story) : `${outcome(story)}. ${unverified}`;
}

function outcome({ picture, problems, complete, macs }: Story): string {
  const { source, running, target } = picture;
  const whom = source === 'demo' ? 'an embedded peer' : target;
  if (running) return `A handshake with ${whom}`;
  if (picture.error !== undefined && !complete) return `The handshake with ${whom} failed`;
  if (complete) {
    const ended = problems.length > 0 ? ', until the connection ended' : '';
    const proved = macs.unverified === 0 ? 'both sides are authenticated' : 'the handshake is complete';
    return source === 'demo' ? 'Two nodes connect and prove who they are' : `${whom}: ${proved}${ended}`;
  }
  return problems.length > 0 ? `${whom}: the handshake failed` : `${whom}: the handshake is not complete`;
}

function Facts({ story }: { readonly story: Story }): JSX.Element {
  const { picture, phases, records, peerIDs } = story;
  const total = picture.timings?.totalMs ?? phases.reduce((sum, phase) => sum + phase.ms, 0);
  const hello = helloOf(picture, 'B') ?? helloOf(picture, 'A');
  const networkID = hello && toHex(hello.networkID);
  const network =
    networkID === undefined ? picture.network?.name : (networkName(networkID) ?? `network ${networkID.slice(0, 8)}…`);
  const facts: readonly (readonly [string, JSX.Element | string | undefined])[] = [
    ...(['A', 'B'] as const).map((side) => [whose(side, picture.own), <Who key={side} side={side} story={story} />] as const),
    ['Network', network ?? 'another network'],
    ['When', picture.startUnixMs === undefined ? undefined : dateOf(picture.startUnixMs)],
    ['Took', total > 0 && peerIDs.B !== undefined ? ms(total) : undefined],
    ['Records', count(records.length + picture.omitted, 'record')],
  ];
  return (
    <dl class="facts">
      {facts.map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function Who({ side, story }: { readonly side: Side; readonly story: Story }): JSX.Element {
  const { peerIDs, picture } = story;
  const peerID = peerIDs[side];
  const version = helloOf(picture, side)?.versionStr;
  return (
    <>
      <SideName side={side} /> {peerID === undefined ? 'sent no HELLO' : <code title={peerID}>{shortKey(peerID)}</code>}
      {version && <span class="quiet"> {version}</span>}
    </>
  );
}

function whose(side: Side, own: Side | undefined): string {
  const what = side === 'A' ? 'Dialled' : 'Accepted';
  return own === side ? `${what} (we)` : what;
}

function dateOf(unixMs: number): string {
  return `${new Date(unixMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
