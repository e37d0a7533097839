/**
 * Memory: of an idle authenticated connection among 10,000 in one process, and of one connection over millions of messages.
 * @module
 */
import { build } from './support/build.ts';
import { Child } from './support/child.ts';
import type { MemoryReading } from './support/memory-reading.ts';
import type { BenchOptions } from './support/options.ts';
import { type Case, type Report, ratio } from './support/report.ts';

const CONNECTIONS = 10_000;
/** Connections before the first reading, so that one-time costs are not counted. */
const FIRST = 500;
const DIALLERS = 4;
const SOAK_MESSAGES = 5_000_000;
/** Messages before the first reading of the soak. */
const SOAK_FIRST = 500_000;
const GOAL_BYTES = 9 * 1024;

export async function run(options: BenchOptions): Promise<Report> {
  const out = build();
  const against = options.against === undefined ? undefined : build(options.against);
  const notes: string[] = [];
  const cases: Case[] = [];
  if ('idle connection'.includes(options.only ?? '')) {
    const ours = await idle(out, 'ours', notes);
    const floor = await idle(out, 'bare-socket', notes);
    const rival = options.fast ? undefined : await idle(out, 'rival', notes);
    const other = against && (await idle(against, 'ours', notes));
    for (const kind of ['heap', 'external', 'rss'] as const) {
      cases.push({
        name: `idle connection, ${kind}`,
        figures: {
          ours: ours[kind],
          'bare socket': floor[kind],
          ...(rival && { rival: rival[kind] }),
          ...(other && { against: other[kind] }),
        },
        ratios: {
          ...(kind === 'heap' && { 'ours / 9 KiB': ratio([ours.heap], [GOAL_BYTES], 1) }),
          ...(rival && { 'ours / rival': ratio([ours[kind]], [rival[kind]]) }),
          ...(other && { 'ours / against': ratio([ours[kind]], [other[kind]]) }),
        },
      });
    }
  }
  if ('soak'.includes(options.only ?? '')) cases.push(...(await soak(out)));
  return { name: 'memory', what: 'memory after garbage collection', unit: 'bytes', cases, notes };
}

/** Memory for each connection, from FIRST connections to all. */
async function idle(out: string, subject: string, notes: string[]): Promise<MemoryReading> {
  const acceptor = new Child(out, 'memory-accept', [subject], ['--expose-gc']);
  const { port } = await acceptor.next<{ port: number }>();
  const diallers = Array.from({ length: DIALLERS }, () => new Child(out, 'memory-dial', [subject, String(port)]));
  await (diallers[0] as Child).ask({ count: FIRST });
  const before = await acceptor.ask<MemoryReading & { count: number }>({});
  const share = (CONNECTIONS - FIRST) / DIALLERS;
  const failures = await Promise.all(diallers.map((dialler) => dialler.ask<{ failed?: string }>({ count: share })));
  const after = await acceptor.ask<MemoryReading & { count: number }>({});
  const failed = failures.find((failure) => failure.failed !== undefined)?.failed;
  if (failed !== undefined) notes.push(`${subject}: only ${after.count} connections: ${failed}`);
  else notes.push(`${subject}: ${after.count} connections`);
  await Promise.all(diallers.map((dialler) => dialler.stop()));
  await acceptor.stop();
  const each = (kind: keyof MemoryReading): number => Math.round((after[kind] - before[kind]) / (after.count - before.count));
  return { heap: each('heap'), external: each('external'), rss: each('rss') };
}

/** Millions of messages over one connection of two processes, under ordinary flow control. */
async function soak(out: string): Promise<readonly Case[]> {
  const receiver = new Child(out, 'soak-receive', [], ['--expose-gc']);
  const { port } = await receiver.next<{ port: number }>();
  const sender = new Child(out, 'soak-send', [String(port)], ['--expose-gc']);
  const readings: Record<'sender' | 'receiver', MemoryReading[]> = { sender: [], receiver: [] };
  for (const count of [SOAK_FIRST, SOAK_MESSAGES - SOAK_FIRST]) {
    const got = receiver.ask<MemoryReading>({ count });
    readings.sender.push(await sender.ask<MemoryReading>({ count }));
    readings.receiver.push(await got);
  }
  await sender.stop();
  await receiver.stop();
  return (['receiver', 'sender'] as const).map((side) => {
    const [before, after] = readings[side] as [MemoryReading, MemoryReading];
    return {
      name: `soak, ${side}, 220-byte SCP_MESSAGE`,
      figures: {
        [`heap after ${SOAK_FIRST} messages`]: before.heap,
        [`heap after ${SOAK_MESSAGES}`]: after.heap,
        'rss then': before.rss,
        'rss at the end': after.rss,
      },
      ratios: { 'heap after / before': ratio([after.heap], [before.heap]) },
    };
  });
}
