import { type CommandDef, defineCommand } from 'citty';
import { NodeIdentity } from '../../net/identity.ts';
import type { CliContext } from '../context.ts';
import { jsonArg, UsageError, writeMistake } from '../options.ts';

const args = {
  file: { type: 'positional', required: true, description: 'New file for the S… seed; an existing one is never touched' },
  ...jsonArg,
} as const;

/** keygen FILE: a new node seed. */
export const keygen: CommandDef<typeof args> = defineCommand({
  meta: { name: 'keygen', description: 'Make a node seed: write S… to a new file only you can read, print G…' },
  args,
  async run({ args, data }) {
    const { out } = data as CliContext;
    const identity = NodeIdentity.random();
    try {
      await identity.writeSeedFile(args.file);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') throw new UsageError(`${args.file} exists already and was not changed`);
      throw writeMistake(args.file, error);
    }
    if (args.json) out.json({ peerID: identity.peerID, file: args.file });
    else out.line(identity.peerID);
  },
});
