/** Receives from one peer. For a requested count, it answers with the memory in use after that many messages. */
import { listen, networks } from '../../src/index.ts';
import { serve, tell } from '../support/child.ts';
import { readMemory } from '../support/memory-reading.ts';

const listener = await listen({ port: 0, network: networks.standalone });
let left = 0;
let onAll: (() => void) | undefined;
serve(async ({ count }: { count: number }) => {
  left += count;
  if (left > 0) {
    await new Promise<void>((resolve) => {
      onAll = resolve;
    });
  }
  return readMemory();
});
tell({ port: listener.port });
for await (const connection of listener) {
  for await (const { type } of connection) if (type === 'SCP_MESSAGE' && --left === 0) onAll?.();
}
