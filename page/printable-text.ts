/**
 * Makes all text of the page printable, because text from a peer or file may contain characters that reverse or hide text.
 * Importing this module is enough: Preact passes every text to `options.vnode`.
 * @module
 */
import { options, type VNode } from 'preact';
import { printable } from '../src/protocol/printable.ts';

options.vnode = (vnode) => {
  const text = vnode as unknown as { type: VNode['type'] | null; props: unknown };
  if (text.type === null && typeof text.props === 'string') text.props = shown(text.props);
};

/** Printable, line by line. */
export function shown(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
