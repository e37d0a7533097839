/**
 * Small pieces of text that look the same everywhere.
 * @module
 */
import type { ComponentChildren, JSX } from 'preact';
import type { Side } from '../../src/explain/picture.ts';

/** A side, in its colour. */
export function SideName({ side }: { readonly side: Side }): JSX.Element {
  return <span class={`side side-${side}`}>{side}</span>;
}

const MARKS = {
  ok: ['✓', 'passes'],
  failed: ['✗', 'fails'],
  skipped: ['·', 'not reached'],
  unchecked: ['–', 'not checked'],
  unverified: ['?', 'not verified'],
} as const;

/** The result of a check. */
export function Mark({ state }: { readonly state: keyof typeof MARKS }): JSX.Element {
  const [glyph, words] = MARKS[state];
  return (
    <span class={`mark mark-${state}`}>
      <span aria-hidden="true">{glyph}</span>
      <span class="unseen">{words}</span>
    </span>
  );
}

/** Bytes as hex in groups of four, so that lines break between bytes. */
export function Hex({ hex, limit = 2_048 }: { readonly hex: string; readonly limit?: number }): JSX.Element {
  const shown = hex.slice(0, limit);
  const groups = shown.match(/.{1,8}/g) ?? [];
  return (
    <code class="hex">
      {groups.join(' ')}
      {hex.length > limit && <span class="quiet"> … {(hex.length - limit) / 2} bytes more</span>}
    </code>
  );
}

/** A section with its heading. */
export function Section(props: {
  readonly id: string;
  readonly title: string;
  readonly lead?: ComponentChildren;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <section id={props.id} aria-labelledby={`${props.id}-title`}>
      <div class="section-head">
        <h2 id={`${props.id}-title`}>{props.title}</h2>
        {props.lead && <p class="lead">{props.lead}</p>}
      </div>
      {props.children}
    </section>
  );
}

/** Milliseconds, with a useful number of digits. */
export function ms(value: number): string {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits)} ms`;
}

/** Beginning and end of a key: enough to tell nodes apart. */
export function shortKey(peerID: string): string {
  return `${peerID.slice(0, 6)}…${peerID.slice(-4)}`;
}

/** A number with its noun, in the plural if needed. */
export function count(number: number, what: string): string {
  return `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`;
}
