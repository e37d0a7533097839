/**
 * One listener for each AbortSignal, shared by all connections that use it. EventTarget warns of a leak from the eleventh
 * listener on.
 * @module
 */
import { OverlayError } from '../protocol/errors.ts';

const watchers = new WeakMap<AbortSignal, { readonly callbacks: Set<() => void>; readonly listener: () => void }>();

/**
 * Calls back once when the signal aborts. Callbacks run in the order of these calls. If the signal has aborted already, nothing
 * is called.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): void {
  if (signal === undefined || signal.aborted) return;
  let watcher = watchers.get(signal);
  if (watcher === undefined) {
    const callbacks = new Set<() => void>();
    const listener = (): void => callAll(callbacks);
    watcher = { callbacks, listener };
    watchers.set(signal, watcher);
    signal.addEventListener('abort', listener, { once: true });
  }
  watcher.callbacks.add(callback);
}

/** Removes a callback. Without effect when it has been called or was never registered. */
export function offAbort(signal: AbortSignal | undefined, callback: () => void): void {
  const watcher = signal && watchers.get(signal);
  if (watcher === undefined) return;
  watcher.callbacks.delete(callback);
  if (watcher.callbacks.size > 0) return;
  // A signal with a timer is kept alive while it has a listener.
  signal?.removeEventListener('abort', watcher.listener);
  watchers.delete(signal as AbortSignal);
}

/** Returns the error for a signal that has aborted. */
export function aborted(signal: AbortSignal): OverlayError {
  return new OverlayError('OVERLAY_ABORTED', { stage: 'channel', cause: signal.reason });
}

/** An exception of one callback reaches the process, as from an event listener, and does not stop the other callbacks. */
function callAll(callbacks: Set<() => void>): void {
  for (const callback of [...callbacks]) {
    if (!callbacks.delete(callback)) continue;
    try {
      callback();
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }
}
