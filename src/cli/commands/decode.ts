import { type CommandDef, defineCommand } from 'citty';
import { CaptureDecoder, type CaptureSource, type PassedOver } from '../../capture/capture.ts';
import type { Decoded, DecodedProblem, DecodedRecord } from '../../capture/decode.ts';
import {
  decodedRecordJson,
  describeMacs,
  describeRecord,
  describeSource,
  formatTime,
  hexLines,
  NOT_ENCRYPTED,
  rawLines,
} from '../../capture/text.ts';
import { MESSAGE_TYPES } from '../../protocol/wire/messages.ts';
import { type JsonForm, messageJson } from '../../report/xdr-json.ts';
import { captureInput, captureMistake, readKeyLog } from '../capture-file.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonFormArg, readJsonForm } from '../json-form.ts';
import { jsonArg, readNumber, UsageError } from '../options.ts';
import { printable } from '../output.ts';

const args = {
  file: {
    type: 'positional',
    required: true,
    description:
      'pcap, pcapng, recording (--record), bytes of a stream, hex, base64 or a hex dump, also as .gz or .zst; - is stdin',
  },
  hex: { type: 'boolean', description: 'Show every byte with its field' },
  keylog: { type: 'string', description: 'Key log (--keylog) with which MACs are verified', valueHint: 'FILE' },
  connection: { type: 'string', description: 'Show only this connection', valueHint: 'N' },
  type: { type: 'string', description: 'Show only these types of message, for example HELLO,AUTH', valueHint: 'TYPES' },
  ...jsonArg,
  ...jsonFormArg,
} as const;

/** decode FILE: what is in this capture? */
export const decode: CommandDef<typeof args> = defineCommand({
  meta: { name: 'decode', description: 'Show the messages in any capture; no secret is needed' },
  args,
  async run({ args, data }) {
    const context = data as CliContext;
    const view = {
      json: args.json === true,
      jsonForm: readJsonForm(args['json-form']),
      hex: args.hex === true,
      hasKeys: args.keylog !== undefined,
      connection: readNumber(args.connection, '--connection'),
      types: readTypes(args.type),
    };
    if (view.json && view.hex) throw new UsageError('--hex and --json exclude each other');
    const decoder = new CaptureDecoder(await readKeyLog(args.keylog));
    const printer = new Printer(view, context);
    try {
      for await (const chunk of captureInput(args.file, context.signal)) await printer.print(decoder.push(chunk));
      await printer.print(decoder.end());
    } catch (error) {
      if (!context.signal.aborted) throw captureMistake(error, args.file);
    }
    printer.summary(decoder.passedOver);
    if (!context.signal.aborted) printer.requireConnection(args.file);
    if (printer.faults > 0) context.exitCode = EXIT.NOT_WHAT_IT_CLAIMS;
    else if (context.signal.aborted) context.exitCode = EXIT.INTERRUPTED;
  },
});

/** The parts to show and their form. */
interface View {
  readonly json: boolean;
  readonly jsonForm: JsonForm;
  readonly hex: boolean;
  /** Whether MACs can be verified. */
  readonly hasKeys: boolean;
  /** All, when undefined. */
  readonly connection: number | undefined;
  readonly types: ReadonlySet<string> | undefined;
}

const NO_KEYS = ' MACs are not verified: no keys (--keylog FILE).';
/** Widest usual type. */
const TYPE_WIDTH = 'GENERALIZED_TX_SET'.length;
const SIZE_WIDTH = 7;

/** Prints the results of a decoder. */
class Printer {
  readonly #view: View;
  readonly #context: CliContext;
  #records = 0;
  #shown = 0;
  /** Numbers of the connections found; bytes without addresses are one connection. */
  readonly #connections = new Set<number>();
  #faults = 0;
  readonly #macs = { good: 0, bad: 0, unknown: 0 };

  constructor(view: View, context: CliContext) {
    this.#view = view;
    this.#context = context;
  }

  /** The number of bad MACs and other faults of a sender, shown or not. */
  get faults(): number {
    return this.#faults;
  }

  async print(items: Iterable<CaptureSource | Decoded>): Promise<void> {
    const { out, err, signal } = this.#context;
    const { json, hex, connection, hasKeys } = this.#view;
    for (const item of items) {
      if (signal.aborted) return;
      switch (item.kind) {
        case 'source':
          if (item.form !== undefined) this.#connections.add(1);
          (json ? err : out).line(
            out.style('dim', `${describeSource(item)}. ${NOT_ENCRYPTED}${hasKeys || item.form === 'message' ? '' : NO_KEYS}`),
          );
          if (hex && item.form !== 'message')
            out.line(out.style('dim', 'Offsets count from the record body, after the header of 4 bytes.'));
          break;
        case 'connection': {
          this.#connections.add(item.connection);
          if (json || (connection !== undefined && item.connection !== connection)) break;
          const guess = item.isGuess ? ' (the capture begins in the middle: a guess)' : '';
          const when = item.unixMs === undefined ? '' : `, ${formatTime(item.unixMs)}`;
          out.line(
            out.style(
              'bold',
              `connection ${item.connection}: A ${printable(item.a) || '?'} dialled B ${printable(item.b) || '?'}${guess}${when}`,
            ),
          );
          break;
        }
        case 'record':
          await this.#record(item);
          break;
        case 'problem':
          await this.#problem(item);
      }
      await out.drained(signal);
    }
  }

  /** @throws {UsageError} when the requested connection is not in the file */
  requireConnection(file: string): void {
    const { connection } = this.#view;
    if (connection === undefined || this.#connections.has(connection)) return;
    const all = [...this.#connections];
    const there = all.length > 2 ? `${all[0]} to ${all.at(-1)}` : all.join(' and ') || 'none';
    throw new UsageError(`${file === '-' ? 'stdin' : file} has no connection ${connection}; there is ${there}`);
  }

  /** Prints the summary on stderr. */
  summary({ otherConnections, packets, untried = 0, incomplete }: PassedOver): void {
    const shown = this.#shown === this.#records ? '' : `, ${this.#shown} of them shown`;
    const macs = describeMacs(this.#macs);
    const { err } = this.#context;
    err.line(
      `${count(this.#records, 'record')}${shown}, ${count(this.#connections.size, 'connection')}${macs === undefined ? '' : `, ${macs}`}`,
    );
    const passed = [
      ...(otherConnections > 0
        ? [`${count(otherConnections, 'TCP connection')} that ${otherConnections === 1 ? 'is' : 'are'} not Stellar’s`]
        : []),
      ...Object.entries(packets).map(([why, number]) => `${count(number, 'packet')}: ${why}`),
      ...(untried > 0 ? [`${count(untried, 'record')}: too many to try every key of the key log`] : []),
      ...(incomplete > 0 ? [`${count(incomplete, 'byte')} at the end: incomplete`] : []),
    ];
    if (passed.length > 0) err.line(`Skipped: ${passed.join('; ')}`);
  }

  async #record(record: DecodedRecord): Promise<void> {
    const { out, signal } = this.#context;
    const { json, jsonForm, hex, connection, types } = this.#view;
    this.#records++;
    if (record.mac !== 'none') this.#macs[record.mac]++;
    if (record.mac === 'bad') this.#faults++;
    if (connection !== undefined && record.connection !== connection) return;
    if (types !== undefined && !types.has(record.type)) return;
    this.#shown++;
    if (json) {
      out.json(decodedRecordJson(record, record.type === 'UNKNOWN' ? null : await messageJson(record.xdr, jsonForm)));
      return;
    }
    out.line(this.#line(record));
    if (!hex) return;
    for (const line of hexLines(record)) {
      out.line(out.style('dim', line));
      await out.drained(signal);
      if (signal.aborted) return;
    }
  }

  #line(record: DecodedRecord): string {
    const { out } = this.#context;
    const type = out.style('bold', record.type.padEnd(TYPE_WIDTH));
    const size = `${String(record.xdr.length).padStart(SIZE_WIDTH)} B`;
    return `${this.#prefix(record)} ${type} ${size}  ${this.#mark(record)} ${printable(describeRecord(record))}`;
  }

  #prefix({ unixMs, connection, from }: DecodedRecord | DecodedProblem): string {
    const time = unixMs === undefined ? '' : `${formatTime(unixMs).slice(11)} `;
    const arrow = from === undefined ? '' : ` ${from}→${from === 'A' ? 'B' : 'A'}`;
    return `${this.#context.out.style('dim', time)}${connection}${arrow}`;
  }

  #mark({ mac }: DecodedRecord): string {
    const { out } = this.#context;
    switch (mac) {
      case 'good':
        return out.style('green', 'good   ');
      case 'bad':
        return out.style(['red', 'bold'], 'BAD MAC');
      case 'none':
        return out.style('dim', 'no MAC ');
      case 'unknown':
        return out.style('dim', 'no key ');
    }
  }

  async #problem(problem: DecodedProblem): Promise<void> {
    const { out, err, signal } = this.#context;
    const { json, hex, connection } = this.#view;
    if (problem.isFault) this.#faults++;
    if (connection !== undefined && problem.connection !== connection) return;
    const mark = problem.isFault ? out.style('red', '✗') : out.style('yellow', '!');
    (json ? err : out).line(`${this.#prefix(problem)} ${mark} ${printable(problem.message)}`);
    if (json || !hex || problem.body === undefined) return;
    for (const line of rawLines(problem.body)) {
      out.line(out.style('dim', line));
      await out.drained(signal);
      if (signal.aborted) return;
    }
  }
}

/** The named types, in upper or lower case. @throws {UsageError} for an unknown type; lists the known ones */
function readTypes(text: string | undefined): ReadonlySet<string> | undefined {
  if (text === undefined) return undefined;
  const known = [...Object.keys(MESSAGE_TYPES), 'UNKNOWN'];
  const types = text.split(',').map((type) => type.trim().toUpperCase());
  const wrong = types.find((type) => !known.includes(type));
  if (wrong === undefined) return new Set(types);
  throw new UsageError(`--type: no such type of message; choose from ${known.join(', ')}`);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
