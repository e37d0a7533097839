/**
 * The colours of the style sheet, for canvases.
 * @module
 */
import { useEffect, useState } from 'preact/hooks';
import type { Tone } from '../model/rows.ts';

/** Colours of a canvas. */
export interface Colours {
  readonly ink: string;
  readonly line: string;
  readonly accent: string;
  readonly font: string;
  readonly tones: Readonly<Record<Tone, string>>;
}

/** The current colours; they change with the theme. */
export function useColours(): Colours {
  const [colours, setColours] = useState(read);
  useEffect(() => {
    const theme = matchMedia('(prefers-color-scheme: dark)');
    const change = (): void => setColours(read());
    theme.addEventListener('change', change);
    return () => theme.removeEventListener('change', change);
  }, []);
  return colours;
}

function read(): Colours {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(name).trim();
  return {
    ink: of('--ink'),
    line: of('--line'),
    accent: of('--a'),
    font: of('--sans'),
    tones: { ok: of('--good'), full: of('--a'), silent: of('--quiet'), wrong: of('--bad'), unasked: of('--line-strong') },
  };
}
