/** External programs that some tests use. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether a program is installed. If not, the reason is printed. It is not started: tshark takes a third of a second. */
export function has(program: string): boolean {
  const isInstalled = (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
  if (!isInstalled) console.warn(`without ${program}: it is not installed`);
  return isInstalled;
}
