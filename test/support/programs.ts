/** Programs that some tests ask. */
import { execFileSync } from 'node:child_process';

/** Whether a program is there; the reason is printed when it is not. */
export function has(program: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    console.warn(`without ${program}: it is not installed`);
    return false;
  }
}
