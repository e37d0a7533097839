/**
 * The cost of receiving a message with a check of its MAC: this package, the rival, and the least necessary work.
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
const COUNT: Readonly<Record<MessageCase, number>> = {
  'get-scp-state-8': 30_000,
  'scp-message-220': 20_000,
  'scp-message-324': 20_000,
  'generalized-tx-set-1MiB': 40,
};

export async function run(options: BenchOptions): Promise<Report> {
  const ours = build();
  const other = options.against === undefined ? undefined : build(options.against);
  const cases: Case[] = [];
  for (const name of MESSAGE_CASES.filter((name) => name.includes(options.only ?? ''))) {
    let mac = '';
    const series = await measure(options, async () => {
      const floor = await start('floor', ours, 'receive-floor', name);
      ({ mac } = await floor.child.next<{ mac: string }>());
      return [
        await start('ours', ours, 'receive-ours', name),
        ...(options.fast ? [] : [await start('rival', ours, 'receive-rival', name)]),
        floor,
        ...(other === undefined ? [] : [await start('against', other, 'receive-ours', name)]),
      ];
    });
    cases.push(toCase(`${name} (floor: ${mac})`, series, { floor: 1.3, rival: 1 / 3 }));
  }
  return { name: 'receive', what: 'CPU to receive a message, its MAC checked', unit: 'µs per message', cases };
}

/** Starts a receiving child and does the handshake with it. */
async function start(name: string, out: string, script: string, message: MessageCase): Promise<Subject & { child: Child }> {
  const acceptor = await Acceptor.listen();
  const size = encode(makeMessage(message, 0)).length;
  const child = new Child(out, script, [acceptor.port, COUNT[message], size].map(String));
  const peer = await shakeHands(await acceptor.next(), 'REMOTE_CALLED_US', freshPeerAuth());
  acceptor.close();
  peer.socket.resume();
  const xdrs = Array.from({ length: COUNT[message] }, (_, i) => encode(makeMessage(message, i)));
  return {
    name,
    child,
    play() {
      // All records are sealed first, then written.
      peer.socket.write(peer.seal(xdrs));
      return child.next<RoundResult>();
    },
    stop: () => stopBoth(peer.socket, child),
  };
}
