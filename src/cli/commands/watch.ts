import { type CommandDef, defineCommand } from 'citty';
import { connect } from '../../net/connect.ts';
import type { Connection } from '../../net/connection.ts';
import type { OnBytes } from '../../net/connection-info.ts';
import { adaptsOverlayRange } from '../../net/options.ts';
import { verifySCPEnvelope } from '../../net/scp-envelope.ts';
import { formatTarget } from '../../net/target.ts';
import { diagnose, isSilentRefusal } from '../../probe/diagnose.ts';
import { FirstBytes } from '../../probe/evidence.ts';
import { OverlayError } from '../../protocol/errors.ts';
import { adaptedRangeText } from '../../protocol/handshake/overlay-range.ts';
import type { Network } from '../../protocol/networks.ts';
import type { ReceivedMessage } from '../../protocol/wire/authenticated-message.ts';
import { MESSAGE_TYPES } from '../../protocol/wire/messages.ts';
import { describeMessage, typeColumn } from '../../report/describe.ts';
import { type JsonForm, messageJson } from '../../report/xdr-json.ts';
import { type SignatureVerdict, watchedMessageJson } from '../../watch/json.ts';
import { Tally } from '../../watch/tally.ts';
import { captureArgs, openCapture } from '../capture.ts';
import type { CliContext } from '../context.ts';
import { EXIT, EXIT_CODE } from '../exit-codes.ts';
import { jsonFormArg, readJsonForm } from '../json-form.ts';
import { hasLiveLine, LiveLine } from '../live-line.ts';
import { expectArg, nodeArgs, nodeOptions, readNumber, readTarget, readTime, UsageError } from '../options.ts';
import { formatMs, formatSeconds, type Output, printable, ReaderGone, stderr } from '../output.ts';
import { printFailure } from './probe.ts';

const args = {
  target: { type: 'positional', required: true, description: 'HOST, HOST:PORT or [IPv6]:PORT' },
  type: {
    type: 'string',
    description: 'Show only these types of message, for example SCP_MESSAGE,FLOOD_ADVERT; all are still received and checked',
    valueHint: 'TYPES',
  },
  for: { type: 'string', description: 'End after this time, 30s or 5m', valueHint: 'TIME' },
  verify: { type: 'boolean', description: 'Check the signature of every SCP message; exit 6 when one is forged' },
  'scp-state': {
    type: 'string',
    description: 'Ask for SCP messages from this ledger on; 0 is the latest (0)',
    valueHint: 'N',
  },
  ...expectArg,
  ...captureArgs,
  ...nodeArgs,
  ...jsonFormArg,
} as const;

/** watch HOST[:PORT]: what does this node send? */
export const watch: CommandDef<typeof args> = defineCommand({
  meta: { name: 'watch', description: 'Print the messages a node sends after the handshake, one in each line, until Ctrl-C' },
  args,
  async run({ args, data }) {
    const context = data as CliContext;
    const { err, signal } = context;
    const target = readTarget(args.target);
    const view = {
      json: args.json === true,
      jsonForm: readJsonForm(args['json-form']),
      verify: args.verify === true,
      types: readTypes(args.type),
      forMs: args.for === undefined ? undefined : readTime(args.for, '--for'),
    };
    // Subtle: the signal ends the attempt to connect. An open connection is closed with FIN instead.
    const dialling = new AbortController();
    const giveUp = (): void => dialling.abort(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    const options = { adaptOverlayRange: true, ...(await nodeOptions(args, dialling.signal)) };
    const scpStateLedgerSeq = readNumber(args['scp-state'], '--scp-state');
    const capture = await openCapture(args);
    const firstBytes = new FirstBytes();
    const onBytes: OnBytes = (direction, bytes, connection) => {
      firstBytes.onBytes(direction, bytes, connection);
      capture.options.onBytes?.(direction, bytes, connection);
    };
    const startMs = performance.now();
    try {
      const connection = await connect({ ...options, ...capture.options, onBytes, ...target, scpStateLedgerSeq });
      signal.removeEventListener('abort', giveUp);
      context.exitCode = await watchConnection(
        connection,
        { ...view, target: formatTarget(target), network: options.network, adapts: adaptsOverlayRange(options) },
        context,
      );
    } catch (error) {
      if (!(error instanceof OverlayError)) throw error;
      // The other side may not be a node: report this like probe, but without a second look.
      const evidence = { ...firstBytes.seen, lastedMs: performance.now() - startMs, network: options.network };
      const cause = isSilentRefusal(error, evidence) ? error : diagnose(error, evidence);
      context.exitCode = EXIT_CODE[cause.code];
      if (!(signal.reason instanceof ReaderGone)) printFailure(formatTarget(target), cause.toJSON(), err);
    } finally {
      await capture.close();
    }
  },
});

/** The node, the messages to show, and for how long. */
interface View {
  readonly target: string;
  readonly network: Network;
  readonly json: boolean;
  readonly jsonForm: JsonForm;
  readonly verify: boolean;
  /** All, when undefined. */
  readonly types: ReadonlySet<string> | undefined;
  readonly forMs: number | undefined;
  /** Whether a range of overlay versions other than the default was taken from the node. */
  readonly adapts: boolean;
}

/** A peer waits at least this long for credit or an answer, in milliseconds; a slower reader may lose the connection. */
const STUCK_MS = 20_000;

/** Prints messages until the connection ends. @returns the exit code */
async function watchConnection(connection: Connection, view: View, context: CliContext): Promise<number> {
  const { err, signal } = context;
  err.line(greeting(connection, view, err));
  const adapted = view.adapts ? adaptedRangeText(connection.overlayRange) : undefined;
  if (adapted !== undefined) err.line(`  ${adapted}`);
  // Subtle: a timer of our own. Node 20 collects AbortSignal.any([signal, AbortSignal.timeout(…)]) as garbage before it fires.
  const ending = new AbortController();
  const stop = ending.signal;
  const end = (): void => {
    ending.abort();
    void connection.close();
  };
  const timer = view.forMs === undefined ? undefined : setTimeout(end, view.forMs);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const printer = new Printer(connection, view, context);
  let failure: OverlayError | undefined;
  /** The longest time in which our output was not read. */
  let stuckMs = 0;
  try {
    for await (const message of connection) {
      if (stop.aborted) break;
      await printer.take(message);
      const full = context.out.drained(stop);
      if (full === undefined) continue;
      const sinceMs = performance.now();
      await full;
      stuckMs = Math.max(stuckMs, performance.now() - sinceMs);
    }
    if (!stop.aborted) failure = await connection.ended;
  } catch (error) {
    if (!(error instanceof OverlayError)) throw error;
    failure = error;
  } finally {
    printer.end();
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    await connection.close();
  }
  if (signal.reason instanceof ReaderGone) return EXIT.OK;
  err.line(printer.summary());
  if (failure !== undefined) {
    printFailure(view.target, failure.toJSON(), err);
    if (stuckMs > STUCK_MS)
      err.line(`  Our output was not read for ${formatSpan(stuckMs / 1000)}: this may have ended the connection.`);
  }
  if (printer.forged > 0) {
    err.line(`${err.style('red', '✗')} forged SCP signatures: ${printer.forged} of ${printer.verified}`);
    err.line('  The named nodes have not signed these messages for this network: the peer does not check them, or invents them.');
    return EXIT.NOT_WHAT_IT_CLAIMS;
  }
  if (failure !== undefined) return EXIT_CODE[failure.code];
  return signal.aborted ? EXIT.INTERRUPTED : EXIT.OK;
}

/** Prints and counts messages. */
class Printer {
  readonly #connection: Connection;
  readonly #view: View;
  readonly #out: Output;
  readonly #tally = new Tally(performance.now());
  readonly #live: LiveLine | undefined;
  #shown = 0;
  #verified = 0;
  #forged = 0;

  constructor(connection: Connection, view: View, { out, err }: CliContext) {
    this.#connection = connection;
    this.#view = view;
    this.#out = out;
    if (!hasLiveLine(process.stdout, stderr())) return;
    this.#live = new LiveLine(
      stderr(),
      () => this.#now(),
      (text) => err.style('dim', text),
    );
    this.#live.draw();
  }

  /** SCP signatures checked. */
  get verified(): number {
    return this.#verified;
  }

  /** SCP signatures that were not good. */
  get forged(): number {
    return this.#forged;
  }

  /** Counts a message, checks it, and prints it if it is to be shown. */
  async take(message: ReceivedMessage): Promise<void> {
    this.#tally.add(message, performance.now());
    const signature = this.#verify(message);
    const { types, json } = this.#view;
    if (types !== undefined && !types.has(message.type)) return;
    this.#shown++;
    const unixMs = Date.now();
    const value = json
      ? watchedMessageJson(message, { unixMs, xdrJson: await xdrJson(message, this.#view.jsonForm), signature })
      : undefined;
    this.#live?.clear();
    if (value === undefined) this.#out.line(this.#line(message, unixMs, signature));
    else this.#out.json(value);
    this.#live?.draw();
  }

  /** Called after the last message. */
  end(): void {
    this.#live?.stop();
  }

  /** The summary in a line. */
  summary(): string {
    const { messages, bytes, types } = this.#tally;
    const time = formatSpan(this.#tally.uptimeSeconds(performance.now()));
    const shown = this.#shown === messages ? '' : `, ${this.#shown} of them shown`;
    const byType = types.length === 0 ? '' : `: ${types.map(([type, number]) => `${type} ${number}`).join(', ')}`;
    const signatures = this.#view.verify ? `; ${this.#verified - this.#forged} of ${this.#verified} SCP signatures good` : '';
    return `${count(messages, 'message')}, ${formatBytes(bytes)} in ${time}${shown}${byType}${signatures}`;
  }

  #verify(message: ReceivedMessage): SignatureVerdict | undefined {
    if (!this.#view.verify || message.type !== 'SCP_MESSAGE') return undefined;
    this.#verified++;
    if (verifySCPEnvelope(message.envelope, this.#view.network)) return 'good';
    this.#forged++;
    return 'bad';
  }

  #line(message: ReceivedMessage, unixMs: number, signature: SignatureVerdict | undefined): string {
    const out = this.#out;
    const time = out.style('dim', new Date(unixMs).toISOString().slice(11));
    const type = out.style('bold', typeColumn(message));
    const mark =
      signature === undefined ? '' : signature === 'good' ? out.style('green', 'good   ') : out.style(['red', 'bold'], 'FORGED ');
    return `${time} ${type} ${mark}${printable(describeMessage(message, unixMs))}`;
  }

  /** The text of the live line. */
  #now(): string {
    const now = performance.now();
    const { messages, bytes } = this.#tally.rates(now);
    const { credit } = this.#connection;
    return [
      `up ${formatSeconds(this.#tally.uptimeSeconds(now)).slice(1)}`,
      `${messages.toFixed(1)} msg/s`,
      `${formatBytes(bytes)}/s`,
      `credit ${credit.messages} msg, ${formatBytes(Number(credit.bytes))}`,
      count(this.#tally.messages, 'message'),
      ...(this.#forged > 0 ? [`${this.#forged} FORGED`] : []),
    ].join(' │ ');
  }
}

/** XDR-JSON of a message; null for an unknown type. */
async function xdrJson({ type, xdr }: ReceivedMessage, form: JsonForm): Promise<unknown> {
  return type === 'UNKNOWN' ? null : messageJson(xdr, form);
}

/** The first line: the node that answered. */
function greeting({ remote, remoteAddress, timings }: Connection, { target, network }: View, { style }: Output): string {
  const { peerID, versionStr, overlayMinVersion, overlayVersion, ledgerVersion } = remote;
  const versions = `overlay ${overlayMinVersion} to ${overlayVersion}, ledger protocol ${ledgerVersion}`;
  const where = network.name ?? network.networkID;
  const who = `${peerID} (${printable(versionStr)}, ${versions})`;
  const address = remoteAddress === undefined || target.includes(remoteAddress.host) ? '' : ` (${remoteAddress.host})`;
  return `${style('green', '✓')} ${target}${address} is ${who} on ${where}, ${formatMs(timings.totalMs)}`;
}

/** Types that an application does not get: the channel handles them. */
const CHANNEL_TYPES = ['HELLO', 'AUTH', 'ERROR_MSG', 'SEND_MORE', 'SEND_MORE_EXTENDED'];

/** The named types, in upper or lower case. @throws {UsageError} for an unknown type; lists the known ones */
function readTypes(text: string | undefined): ReadonlySet<string> | undefined {
  if (text === undefined) return undefined;
  const known = [...Object.keys(MESSAGE_TYPES).filter((type) => !CHANNEL_TYPES.includes(type)), 'UNKNOWN'];
  const types = text.split(',').map((type) => type.trim().toUpperCase());
  const wrong = types.find((type) => !known.includes(type));
  if (wrong === undefined) return new Set(types);
  const why = CHANNEL_TYPES.includes(wrong) ? `${wrong} is handled by the channel and never shown` : 'no such type of message';
  throw new UsageError(`--type: ${why}; choose from ${known.join(', ')}`);
}

function formatSpan(seconds: number): string {
  return seconds < 1 ? formatMs(seconds * 1000) : formatSeconds(seconds).slice(1);
}

/** A number of bytes for people, in powers of 1000. */
function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
