/**
 * A promise that is settled from outside. It is made when somebody asks for it: a connection has several things to wait for, and
 * most of them nobody waits for.
 * @module
 */

function ignore(): void {}

/** A promise with the functions that settle it. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (error: Error) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // The caller may ignore the promise, so a rejection must not count as unhandled.
    this.promise.catch(ignore);
  }
}
