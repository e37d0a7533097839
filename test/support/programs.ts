/** External programs that some tests use. */
import { execFileSync } from 'node:child_process';

/** Whether a program is installed. If not, the reason is printed. */
export function has(program: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    console.warn(`without ${program}: it is not installed`);
    return false;
  }
}
