/**
 * One listener for each AbortSignal, however many connections share it: EventTarget warns of a leak from the eleventh on.
 * @module
 */
import { OverlayError } from '../protocol/errors.ts';

const watchers = new WeakMap<AbortSignal, { readonly callbacks: Set<() => void>; readonly listener: () => void }>();

/** Calls back once when the signal aborts, in the order of these calls. A signal that has aborted already calls nobody. */
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

/** Takes a callback back. Without effect when it has been called or was never given. */
export function offAbort(signal: AbortSignal | undefined, callback: () => void): void {
  const watcher = signal && watchers.get(signal);
  if (watcher === undefined) return;
  watcher.callbacks.delete(callback);
  if (watcher.callbacks.size > 0) return;
  // A signal with a timer is kept alive as long as somebody listens.
  signal?.removeEventListener('abort', watcher.listener);
  watchers.delete(signal as AbortSignal);
}

/** The error of a signal that has aborted. */
export function aborted(signal: AbortSignal): OverlayError {
  return new OverlayError('OVERLAY_ABORTED', { stage: 'channel', cause: signal.reason });
}

/** What one throws reaches the process, as from an event listener, and keeps no other from being called. */
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
