/**
 * The cost of sending a message: this package, the rival, and the least necessary work.
 * @module
 */
import { build } from './support/build.ts';
import { Child, type RoundResult } from './support/child.ts';
import { MESSAGE_CASES, type MessageCase, makeMessage } from './support/messages.ts';
import type { BenchOptions } from './support/options.ts';
import { Acceptor, encode, freshPeerAuth, shakeHands } from './support/raw-peer.ts';
import type { Case, Report } from './support/report.ts';
import { measure, type Subject, stopBoth, toCase } from './support/rounds.ts';

/** Messages in each round. */
const COUNT = 20_000;
const RECORD_BYTES = 4 + 12 + 32;

export async function run(options: BenchOptions): Promise<Report> {
  const ours = build();
  const other = options.against === undefined ? undefined : build(options.against);
  const cases: Case[] = [];
  for (const name of MESSAGE_CASES.filter((name) => !name.includes('tx-set') && name.includes(options.only ?? ''))) {
    const series = await measure(options, async () => [
      await start('ours', ours, 'send-ours', name),
      ...(options.fast ? [] : [await start('rival', ours, 'send-rival', name)]),
      await start('floor', ours, 'send-floor', name),
      ...(other === undefined ? [] : [await start('against', other, 'send-ours', name)]),
    ]);
    cases.push(toCase(name, series, { rival: 1 / 6 }));
  }
  return { name: 'send', what: 'CPU to send a message, peer grants without limit', unit: 'µs per message', cases };
}

/** Starts a sending child, does the handshake with it and grants it the maximum. */
async function start(name: string, out: string, script: string, message: MessageCase): Promise<Subject> {
  const acceptor = await Acceptor.listen();
  const child = new Child(out, script, [String(acceptor.port), message, String(COUNT)]);
  const { socket } = await shakeHands(await acceptor.next(), 'REMOTE_CALLED_US', freshPeerAuth());
  acceptor.close();
  const roundBytes = COUNT * (RECORD_BYTES + encode(makeMessage(message, 0)).length);
  let received = 0;
  let onAll: (() => void) | undefined;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received >= roundBytes) onAll?.();
  });
  await child.next();
  return {
    name,
    async play() {
      received = 0;
      const all = new Promise<void>((resolve) => {
        onAll = resolve;
      });
      const result = await child.ask<RoundResult>({});
      await all;
      return result;
    },
    stop: () => stopBoth(socket, child),
  };
}
