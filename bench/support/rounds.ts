/**
 * Rounds in turns: A B C A B C, with several sets of processes.
 * @module
 */
import type { Child, RoundResult } from './child.ts';
import type { BenchOptions } from './options.ts';
import { type Case, median, type Ratio, ratio } from './report.ts';

/** A measured process, and the code that drives it. */
export interface Subject {
  readonly name: string;
  /** One round. @returns CPU for each message or handshake */
  play(): Promise<RoundResult>;
  stop(): Promise<void>;
}

/** Node optimises code for thousands of handshakes. After this number of rounds, the cost of a process is stable. */
const WARM_UP_ROUNDS = 8;

/**
 * Measures all subjects in turns.
 * @param warmUpRounds rounds that are played first and not counted
 * @returns the CPU of each round, by subject
 */
export async function measure(
  options: Pick<BenchOptions, 'generations' | 'rounds'>,
  start: () => Promise<readonly Subject[]>,
  warmUpRounds: number = WARM_UP_ROUNDS,
): Promise<Record<string, number[]>> {
  const series: Record<string, number[]> = {};
  for (let generation = 0; generation < options.generations; generation++) {
    const subjects = await start();
    for (let round = 0; round < warmUpRounds + options.rounds; round++) {
      for (const subject of subjects) {
        const { micros } = await subject.play();
        if (round >= warmUpRounds) series[subject.name] = [...(series[subject.name] ?? []), micros];
      }
    }
    for (const subject of subjects) await subject.stop();
  }
  return series;
}

/** Medians and ratios of the measurements. @param goals the maximum ratios of ours to the others */
export function toCase(
  name: string,
  series: Readonly<Record<string, readonly number[]>>,
  goals: Readonly<Record<string, number>>,
): Case {
  const { ours = [], ...others } = series;
  const ratios: Record<string, Ratio> = {};
  for (const [other, values] of Object.entries(others)) ratios[`ours / ${other}`] = ratio(ours, values, goals[other]);
  return {
    name,
    figures: Object.fromEntries(Object.entries(series).map(([subject, values]) => [subject, median(values)])),
    ratios,
  };
}

/** Stops a child and its socket. */
export async function stopBoth(socket: { destroy(): unknown }, child: Child): Promise<void> {
  socket.destroy();
  await child.stop();
}
