/**
 * Makes all text that the page shows printable: what a peer or a file said may reverse a line, or hide in it. Importing this
 * is enough; Preact hands every text to `options.vnode`.
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
