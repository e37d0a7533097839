/**
 * The verbs of the command line. Each is loaded when it is used.
 * @module
 */
import type { CommandDef } from 'citty';

/** Verbs by name, in the order of the help. */
export const VERBS: Readonly<Record<string, () => Promise<unknown>>> = {
  probe: async () => (await import('./commands/probe.ts')).probe,
  explain: async () => (await import('./commands/explain.ts')).explain,
  listen: async () => (await import('./commands/listen.ts')).listen,
  watch: async () => (await import('./commands/watch.ts')).watch,
  crawl: async () => (await import('./commands/crawl.ts')).crawl,
  follow: async () => (await import('./commands/follow.ts')).follow,
  submit: async () => (await import('./commands/submit.ts')).submit,
  audit: async () => (await import('./commands/audit.ts')).audit,
  decode: async () => (await import('./commands/decode.ts')).decode,
  exporter: async () => (await import('./commands/exporter.ts')).exporter,
  keygen: async () => (await import('./commands/keygen.ts')).keygen,
};

/** Verbs of two words; the first word is a verb too. */
export const SUBVERBS: typeof VERBS = {
  'crawl diff': async () => (await import('./commands/crawl-diff.ts')).crawlDiff,
  'crawl export': async () => (await import('./commands/crawl-export.ts')).crawlExport,
};

/** Loads a verb of one or two words. Only the verb itself uses the types of its options. */
export async function loadVerb(name: string): Promise<CommandDef<never>> {
  return (await (VERBS[name] ?? SUBVERBS[name])?.()) as CommandDef<never>;
}
