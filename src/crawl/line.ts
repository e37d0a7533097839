/**
 * Reads a line of the file of a crawl. A line that no crawl writes is refused here, so that other code can rely on the types.
 * @module
 */
import { networkFromPassphrase } from '../net/options.ts';
import { type NetworkName, networks } from '../protocol/networks.ts';
import { parseQuorumSet } from '../protocol/scp/quorum-set.ts';
import { decodePublicKey } from '../protocol/strkey.ts';
import { CRAWL_VERSION, type CrawlEvent, type CrawlSettings } from './events.ts';
import { CrawlFileError } from './file-error.ts';

type Fields = Record<string, unknown>;
type Check = (value: unknown) => boolean;

/**
 * Reads a line.
 * @returns undefined when it is blank or of a type that a later version writes
 * @throws {TypeError | CrawlFileError} with a message that continues "line N" and does not contain the line, which may be a seed
 */
export function readLine(text: string): CrawlEvent | undefined {
  if (text.trim() === '') return undefined;
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    throw new TypeError('is not JSON');
  }
  if (!isObject(line)) throw new TypeError('is not an object');
  switch (line.type) {
    case 'crawl':
      if (line.version !== CRAWL_VERSION)
        throw new CrawlFileError(
          'CRAWL_FILE_VERSION',
          `has version ${String(line.version)} of the format, which this version of the package cannot read`,
        );
      demand(START(line));
      if (networkIDOf(line.network as string) !== line.networkID)
        throw new TypeError('has the network ID of another network than it names');
      return { ...line, options: settings(line.options as Fields) } as unknown as CrawlEvent;
    case 'node':
      demand(NODE(line));
      break;
    case 'validator':
      decodePublicKey(line.peerID as string);
      demand(VALIDATOR(line));
      break;
    case 'quorumSet':
      demand(isText(line.hash));
      return { ...line, quorumSet: parseQuorumSet(line.quorumSet) } as unknown as CrawlEvent;
    case 'end':
      demand(END(line));
      break;
    default:
      return undefined;
  }
  return line as unknown as CrawlEvent;
}

/** @param network a short name, or a passphrase */
function networkIDOf(network: string): string {
  return Object.hasOwn(networks, network) ? networks[network as NetworkName].networkID : networkFromPassphrase(network).networkID;
}

/** The known settings; those of a later version are left out. */
function settings(options: Fields): Partial<CrawlSettings> {
  demand(SETTINGS(options));
  const known = Object.keys(SETTINGS_FIELDS).filter((name) => options[name] !== undefined);
  return {
    ...Object.fromEntries(known.map((name) => [name, options[name]])),
    ...(options.quorumSet !== undefined && { quorumSet: parseQuorumSet(options.quorumSet) }),
  };
}

function demand(holds: boolean): void {
  if (!holds) throw new TypeError('is not a line that a crawl writes');
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);

function optional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

/** An object with at least these fields. */
function shape(fields: Readonly<Record<string, Check>>): Check {
  return (value) => isObject(value) && Object.entries(fields).every(([name, check]) => check(value[name]));
}

const SETTINGS_FIELDS = {
  allow: optional(isTexts),
  family: (value) => value === undefined || value === 4 || value === 6,
  concurrency: optional(isNumber),
  rate: optional(isNumber),
  timeoutMs: optional(isNumber),
  maxNodes: optional(isNumber),
  validators: optional(isBoolean),
  secondLook: optional(isBoolean),
  quorumSet: optional(isObject),
  versionStr: optional(isText),
  overlayVersion: optional(isNumber),
  overlayMinVersion: optional(isNumber),
  ledgerVersion: optional(isNumber),
  listeningPort: optional(isNumber),
} as const satisfies Record<keyof CrawlSettings, Check>;
const SETTINGS = shape(SETTINGS_FIELDS);

const START = shape({
  network: isText,
  networkID: isText,
  seeds: isTexts,
  startedAt: isText,
  resumedAt: optional(isText),
  options: isObject,
});
const REMOTE = shape({ versionStr: isText, ledgerVersion: isNumber, overlayVersion: isNumber, overlayMinVersion: isNumber });
const ERROR = shape({ code: isText, stage: isText, cause: isText, message: isText, advice: isText });
const NODE = shape({
  address: isText,
  outcome: isText,
  peerID: optional(isText),
  remote: optional(REMOTE),
  peers: optional(isTexts),
  error: optional(ERROR),
  namedBy: optional(isNumber),
  seed: optional(isText),
  at: optional(isText),
});
const VALIDATOR = shape({
  state: (value) => value === 'validating' || value === 'delayed' || value === 'disagrees' || value === 'missing',
  quorumSetHash: optional(isText),
  ledgerSeq: optional(isNumber),
  statement: optional(isText),
  heardFrom: isTexts,
  weighed: isBoolean,
});
const END = shape({ finished: isBoolean, counts: shape({ left: isNumber }), seconds: isNumber, ledgerSeq: optional(isNumber) });
