/**
 * `--no-second-look`, and the notice when a second look begins, because it dials a node several more times.
 * @module
 */
import type { ArgsDef } from 'citty';
import { formatTarget, type Target } from '../net/target.ts';
import { type ProbeOptions, SECOND_LOOK_CONNECTIONS } from '../probe/options.ts';
import type { CliContext } from './context.ts';

/** Options of every verb that looks for the cause of a silent drop. */
export const secondLookArgs = {
  'second-look': {
    type: 'boolean',
    default: true,
    description: 'Dial a node that closes without a message again, to find the cause',
    negativeDescription: 'Never dial again: the cause stays undecided',
  },
} as const satisfies ArgsDef;

/** Says once, on stderr, that a second look begins. */
export class SecondLooks {
  readonly #isWanted: boolean;
  readonly #say: (text: string) => void;
  #isSaid = false;

  constructor(
    args: { readonly 'second-look'?: boolean | undefined },
    context: CliContext,
    above: (print: () => void) => void = (print) => print(),
  ) {
    this.#isWanted = args['second-look'] !== false;
    this.#say = (text) => above(() => context.err.line(text));
  }

  /** Add these to the options of a probe of this target. */
  of(target: Target): Pick<ProbeOptions, 'secondLook' | 'onSecondLook'> {
    return { secondLook: this.#isWanted, onSecondLook: () => this.#begins(target) };
  }

  #begins(target: Target): void {
    if (this.#isSaid) return;
    this.#isSaid = true;
    this.#say(
      `${formatTarget(target)} closed without a message. Nodes that do so are dialled up to ${SECOND_LOOK_CONNECTIONS} more times to find the cause (--no-second-look turns this off).`,
    );
  }
}
