/**
 * One listener for each AbortSignal, shared by all connections that use it. EventTarget warns of a leak from the eleventh
 * listener on.
 * @module
 */
import { OverlayError } from '../protocol/errors.ts';
import { type Member, Roster } from './roster.ts';

/** A callback that waits for a signal to abort. */
export type AbortWatch = Member<() => void>;

const watchers = new WeakMap<AbortSignal, { readonly callbacks: Roster<() => void>; readonly listener: () => void }>();

/**
 * Calls back once when the signal aborts. Callbacks run in the order of these calls. If the signal has aborted already, nothing
 * is called.
 * @returns what `offAbort` takes; undefined when there is nothing to wait for
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): AbortWatch | undefined {
  if (signal === undefined || signal.aborted) return undefined;
  let watcher = watchers.get(signal);
  if (watcher === undefined) {
    const callbacks = new Roster<() => void>();
    const listener = (): void => callAll(callbacks);
    watcher = { callbacks, listener };
    watchers.set(signal, watcher);
    signal.addEventListener('abort', listener, { once: true });
  }
  return watcher.callbacks.add(callback);
}

/** Removes a callback. Without effect when it has been called or removed before. */
export function offAbort(signal: AbortSignal | undefined, watch: AbortWatch | undefined): void {
  const watcher = signal && watchers.get(signal);
  if (watcher === undefined || watch === undefined) return;
  if (!watcher.callbacks.remove(watch) || watcher.callbacks.size > 0) return;
  // A signal with a timer is kept alive while it has a listener.
  signal?.removeEventListener('abort', watcher.listener);
  watchers.delete(signal as AbortSignal);
}

/** Returns the error for a signal that has aborted. */
export function aborted(signal: AbortSignal): OverlayError {
  return new OverlayError('OVERLAY_ABORTED', { stage: 'channel', cause: signal.reason });
}

/** An exception of one callback reaches the process, as from an event listener, and does not stop the other callbacks. */
function callAll(callbacks: Roster<() => void>): void {
  for (const watch of callbacks.members()) {
    if (!callbacks.remove(watch)) continue;
    try {
      watch.value();
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }
}
