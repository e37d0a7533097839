/**
 * A child's reading of its memory. It was started with --expose-gc.
 * @module
 */
/** Bytes in use after garbage collection. */
export interface MemoryReading {
  readonly heap: number;
  /** Memory of ArrayBuffers and other things outside the heap. */
  readonly external: number;
  readonly rss: number;
}

/** Collects garbage, twice with a turn between, then reads. */
export async function readMemory(): Promise<MemoryReading> {
  for (let i = 0; i < 2; i++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, external, rss };
}
