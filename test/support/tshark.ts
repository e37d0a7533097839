/** Reads a capture by tshark with the dissector. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DISSECTOR, dissectorText, filterName } from '../../scripts/wireshark-dissector.ts';
import type { DecodedRecord } from '../../src/capture/decode.ts';
import { ERROR_CODES } from '../../src/protocol/error-table.ts';
import { type AnnotatedField, annotateRecord } from '../../src/protocol/wire/annotate.ts';
import { MESSAGE_TYPES } from '../../src/protocol/wire/messages.ts';
import { pcapOf, type SegmentSpec } from './pcap.ts';

/** Captures as files, and the output of tshark for them. */
export class Tshark implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tshark-'));
  #files = 0;

  file(content: Uint8Array | string): string {
    const path = join(this.#folder, `file${++this.#files}`);
    writeFileSync(path, content);
    return path;
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  /** The output of tshark for a capture. @throws Error when the dissector has a Lua error */
  async run(capture: string, ...args: readonly string[]): Promise<string> {
    const { stdout, stderr } = await promisify(execFile)(
      'tshark',
      ['-X', `lua_script:${fileURLToPath(DISSECTOR)}`, '-r', capture, ...args],
      { maxBuffer: 2 ** 30, env: { ...process.env, TZ: 'UTC', HOME: this.#folder } },
    );
    for (const text of [stdout, stderr]) {
      const [error] = /Lua ?Error[^"\n]*|Lua: Error[^"\n]*/i.exec(text) ?? [];
      if (error !== undefined) throw new Error(error);
    }
    return stdout;
  }

  /** The records of a capture, in order, each with its fields. */
  async records(capture: string, ...args: readonly string[]): Promise<readonly ShownRecord[]> {
    return parsePdml(await this.run(capture, '-Y', 'stellar', '-T', 'pdml', '-J', 'stellar', ...args));
  }

  /** The number of frames of a capture for each filter. */
  async count(capture: string, ...filters: readonly string[]): Promise<readonly number[]> {
    return countsOf(await this.run(capture, '-q', '-z', ['io,stat,0', ...filters].join()));
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The number of frames for each filter of `-z io,stat,0`, from the row of its table: frames and bytes for each filter. */
export function countsOf(text: string): readonly number[] {
  const [, row = ''] = /^\|.* <> [\d.]+ \|(.*\d )\|/m.exec(text) ?? [];
  return row.split('|').flatMap((number, i) => (i % 2 === 0 ? [Number(number)] : []));
}

/** A capture of a batch. */
export interface Captured {
  readonly segments: readonly SegmentSpec[];
  /** Its records; the first call runs tshark. */
  readonly shown: () => Promise<readonly ShownRecord[]>;
}

/** Captures that one run of tshark dissects: most are so small that its start takes longer. */
export class Batch {
  /** Options of tshark. */
  readonly args: readonly string[];
  readonly #tshark: () => Tshark;
  readonly #captures: (readonly SegmentSpec[])[] = [];
  #shown: Promise<readonly (readonly ShownRecord[])[]> | undefined;

  constructor(tshark: () => Tshark, ...args: readonly string[]) {
    this.#tshark = tshark;
    this.args = args;
  }

  /** Adds a capture that dials from port 50000. All must be added before tshark runs. */
  add(segments: readonly SegmentSpec[]): Captured {
    const index = this.#captures.length;
    // Each capture has another port, so that no connection is in two.
    const own = (address: string): string => address.replace(/:50000$/, `:${50_000 + index}`);
    const capture = segments.map((one) => ({ ...one, from: own(one.from), to: own(one.to) }));
    this.#captures.push(capture);
    const shown = async (): Promise<readonly ShownRecord[]> => {
      this.#shown ??= this.#dissect(this.#captures);
      // Captures are dissected one by one to see which of them tshark fails with.
      const all = await this.#shown.catch(() => undefined);
      return (all?.[index] ?? (await this.#dissect([capture]))[0]) as readonly ShownRecord[];
    };
    return { segments, shown };
  }

  async #dissect(captures: readonly (readonly SegmentSpec[])[]): Promise<readonly (readonly ShownRecord[])[]> {
    const tshark = this.#tshark();
    const shown = await tshark.records(tshark.file(pcapOf(captures.flat())), ...this.args);
    let last = 0;
    return captures.map(({ length }) => {
      const first = last + 1;
      last += length;
      const end = last;
      return shown.filter(({ frame }) => frame >= first && frame <= end);
    });
  }
}

/** A record as tshark shows it. */
export interface ShownRecord {
  /** Frame it ends in, of those of the whole run. */
  readonly frame: number;
  /** All fields below `stellar.`, generated ones too, in order. */
  readonly fields: readonly ShownField[];
}

/** A field of PDML. */
export interface ShownField {
  /** Without `stellar.`. */
  readonly name: string;
  readonly show: string;
  /** Its bytes, as hex. */
  readonly value: string;
}

function parsePdml(pdml: string): readonly ShownRecord[] {
  const records: { frame: number; fields: ShownField[] }[] = [];
  let frame = 0;
  let current: { frame: number; fields: ShownField[] } | undefined;
  const elements = pdml.matchAll(/<(proto|field) name="([^"]*)"(?:[^>]*? show="([^"]*)")?(?:[^>]*? value="([^"]*)")?/g);
  for (const [, tag, name = '', show = '', value = ''] of elements) {
    if (tag === 'proto') {
      current = name === 'stellar' ? { frame, fields: [] } : undefined;
      if (current !== undefined) records.push(current);
    } else if (name === 'num') frame = Number(show);
    else if (name.startsWith('stellar.')) {
      current?.fields.push({ name: name.slice('stellar.'.length), show: unescapeXml(show), value });
    }
  }
  return records.filter(({ fields }) => fields.some(({ name }) => name === 'type'));
}

function unescapeXml(text: string): string {
  return text
    .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&apos;/g, "'")
    .replace(/&amp;/g, '&');
}

/** Fields about a record that are not in its bytes, or repeat them in another form. */
const BESIDE: ReadonlySet<string> = new Set([
  ...['length', 'last_fragment', 'from', 'mac.status', 'hello.network', 'response_in', 'response_to', 'time'],
  // Expert infos.
  ...['error', 'unknown_type', 'sequence_gap', 'repeated', 'bad_mac', 'other_network'],
  // Branches of the tree.
  ...[...dissectorText().matchAll(/BRANCH\("([^"]+)"/g)].map(([, name]) => name as string),
  ...Object.keys(MESSAGE_TYPES).map((name) => name.toLowerCase()),
]);

/** The output of our decoder and of tshark for a record, as lines that can be compared. */
export function bothWays(ours: DecodedRecord, shown: ShownRecord): readonly [ours: readonly string[], shown: readonly string[]] {
  const expected = expectedFields(ours);
  const fields = shown.fields.filter(({ name }) => !BESIDE.has(name));
  return [ourLines(ours), fields.map(({ name, show, value }, i) => `${name} ${expected[i]?.isBytes ? value : show}`)];
}

/** The output of our decoder for a record: a line for each field, by its filter. */
export function ourLines(ours: DecodedRecord): readonly string[] {
  return expectedFields(ours).map(({ name, value }) => `${name} ${value}`);
}

interface ExpectedField {
  readonly name: string;
  readonly value: string;
  readonly isBytes: boolean;
}

function expectedFields({ type, body }: DecodedRecord): readonly ExpectedField[] {
  return annotateRecord(body ?? new Uint8Array(0)).map((field) => expectedField(type, field));
}

function expectedField(message: string, { path, type, value, length }: AnnotatedField): ExpectedField {
  const isBytes = /^opaque|^xdr$|^HmacSha256Mac$/.test(type);
  if (path === 'v') return { name: 'version', value, isBytes };
  if (['sequence', 'mac', 'payload', 'type'].includes(path)) return { name: path, value: enumNumber(value), isBytes };
  const name = filterName(message, path);
  return {
    name: name === 'peers.ip' ? `peers.ipv${length}`.replace('16', '6') : name,
    value: type === 'enum' ? enumNumber(value) : value,
    isBytes,
  };
}

const ENUM_NUMBERS: Readonly<Record<string, number>> = { ...MESSAGE_TYPES, ...ERROR_CODES, TIME_SLICED_SURVEY_TOPOLOGY: 1 };

/** `13 (HELLO)`, `HELLO`: 13. */
function enumNumber(value: string): string {
  return String(ENUM_NUMBERS[value] ?? value.replace(/ \(.*\)$/, ''));
}
