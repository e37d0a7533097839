import type { Duplex } from 'node:stream';
import { type CommandDef, defineCommand } from 'citty';
import { auditAcceptor } from '../../audit/acceptor.ts';
import { isPrivateAddress } from '../../audit/address.ts';
import { type AuditCase, roleName, SEVERITIES, type Severity } from '../../audit/case.ts';
import { auditInitiator } from '../../audit/initiator.ts';
import { type AuditOptions, freshSeed } from '../../audit/options.ts';
import { CASES, type Selection, selectCases } from '../../audit/registry.ts';
import type { CaseResult } from '../../audit/result.ts';
import { systemClock } from '../../net/clock.ts';
import { resolveName } from '../../net/resolve.ts';
import { formatTarget, type Target } from '../../net/target.ts';
import { VERSION } from '../../net/version.ts';
import { probe } from '../../probe/probe.ts';
import type { PeerRole } from '../../protocol/auth/key-schedule.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../protocol/constants.ts';
import { OverlayError } from '../../protocol/errors.ts';
import { acceptTcp, dialTcp, type TcpAcceptor } from '../../testing/tcp.ts';
import { AuditReport, reportArgs } from '../audit-report.ts';
import { printCaseList } from '../audit-text.ts';
import type { CliContext } from '../context.ts';
import { EXIT, EXIT_CODE } from '../exit-codes.ts';
import { nodeArgs, nodeOptions, readAddress, readLimit, readTarget, UsageError } from '../options.ts';
import { printFailure } from '../probe-text.ts';

const { 'seed-file': _seedFile, ...identityless } = nodeArgs;

const args = {
  target: { type: 'positional', required: false, description: 'HOST, HOST:PORT or [IPv6]:PORT of the node to dial' },
  listen: {
    type: 'string',
    description: 'Wait until a node or client dials PORT or HOST:PORT, and audit it',
    valueHint: 'PORT',
  },
  nudge: {
    type: 'string',
    description: 'With --listen: address of the node, dialled to remind it when it does not dial us',
    valueHint: 'HOST:PORT',
  },
  only: { type: 'string', description: 'Only these cases or groups, separated by commas', valueHint: 'ID,ID' },
  skip: { type: 'string', description: 'All but these cases or groups', valueHint: 'ID,ID' },
  severity: { type: 'string', description: `Only cases of at least this severity: ${SEVERITIES.join(', ')}`, valueHint: 'LEVEL' },
  list: { type: 'boolean', description: 'Print the cases and their reasons; play none' },
  hostile: { type: 'boolean', description: 'Also cases that could harm a node in production, by its memory or slots' },
  slow: { type: 'boolean', description: 'Also cases about timers, which take a minute or more' },
  concurrency: { type: 'string', description: 'Cases played at the same time (8)', valueHint: 'N' },
  seed: { type: 'string', description: 'Text that decides all randomness, to repeat a run', valueHint: 'TEXT' },
  'i-operate-this-node': { type: 'boolean', description: 'The target is yours although its address is not private' },
  ...reportArgs,
  ...identityless,
  timeout: { ...nodeArgs.timeout, description: 'Time an answer may take, 500ms or 10s', default: '4s' },
} as const;

const NOT_YOURS = 'is a public address, and an audit attacks its target. If the node is yours, add --i-operate-this-node';

/** audit HOST[:PORT], audit --listen PORT: the tests for conformance and hostile input. */
export const audit: CommandDef<typeof args> = defineCommand({
  meta: { name: 'audit', description: 'Play honest and hostile peers against a node or client, and judge its behaviour' },
  args,
  async run({ args, data }) {
    const context = data as CliContext;
    const selection = readSelection(args);
    if (args.list) {
      const roles: readonly PeerRole[] =
        args.listen === undefined ? ['REMOTE_CALLED_US', 'WE_CALLED_REMOTE'] : ['WE_CALLED_REMOTE'];
      const cases = roles.flatMap((role) => select(role, { hostile: true, slow: true, ...selection }));
      if (args.json) for (const one of cases) context.out.json(caseJson(one));
      else printCaseList(cases, context.out);
      return;
    }
    if ((args.target === undefined) === (args.listen === undefined))
      throw new UsageError('name a target to dial, or a port to wait for one with --listen');
    const { identity: _identity, handshakeTimeoutMs, signal: _signal, ...node } = await nodeOptions(args, context.signal);
    const options: AuditOptions = {
      ...node,
      ...selection,
      seed: args.seed ?? freshSeed(),
      timing: { reactMs: handshakeTimeoutMs ?? 0 },
      signal: context.signal,
    };
    const mine = args['i-operate-this-node'] === true;
    if (args.listen !== undefined) await auditDialler(args, options, mine, context);
    else await auditListener(args.target as string, args, options, mine, context);
  },
});

type Given = Parameters<NonNullable<typeof audit.run>>[0]['args'];

async function auditListener(
  text: string,
  args: Given,
  options: AuditOptions,
  mine: boolean,
  context: CliContext,
): Promise<void> {
  const target = readTarget(text);
  const concurrency = readLimit(args.concurrency, '--concurrency');
  const cases = select('REMOTE_CALLED_US', options);
  const address = await ownAddress(target, mine, context.signal);
  // A probe reports general problems of the target best.
  const { ok, error } = await probe(address, { ...options, handshakeTimeoutMs: 10_000 });
  if (!ok && error !== undefined && error.peerError?.code !== 'ERR_LOAD') {
    if (context.signal.aborted) context.exitCode = EXIT.INTERRUPTED;
    else {
      printFailure(formatTarget(target), error, context.err);
      context.exitCode = EXIT_CODE[error.code];
    }
    return;
  }
  const results = (onFacts: AuditOptions['onFacts']): AsyncIterable<CaseResult> =>
    auditAcceptor(() => dialTcp(address), { ...options, concurrency, onFacts });
  await report(formatTarget(target), cases, results, args, options, context);
}

async function auditDialler(args: Given, options: AuditOptions, mine: boolean, context: CliContext): Promise<void> {
  const where = readAddress(args.listen as string);
  const cases = select('WE_CALLED_REMOTE', options);
  const nudged = args.nudge === undefined ? undefined : await ownAddress(readTarget(args.nudge), mine, context.signal);
  let acceptor: TcpAcceptor;
  try {
    acceptor = await acceptTcp(where);
  } catch (cause) {
    const message = `Cannot listen on ${formatTarget(where)}: ${(cause as Error).message}.`;
    throw new OverlayError('OVERLAY_LISTEN_FAILED', { stage: 'tcp', cause, message });
  }
  try {
    context.err.line(`Waiting on ${formatTarget(acceptor)} for the target to dial.`);
    const minutes = Math.ceil((cases.length * CORE_SECONDS_PER_CASE) / 60);
    if (minutes > 1)
      context.err.line(
        `Each connection plays one case. A stellar-core dials every 1 to 20 s: the audit takes about ${minutes} minutes.`,
      );
    const strangers = new Set<string>();
    let isChanging = false;
    const onStranger = (peerID: string, isPlayedWith: boolean): void => {
      if (isPlayedWith && !isChanging)
        context.err.line('The dialling node has another key each time: every connection counts as the target’s.');
      isChanging ||= isPlayedWith;
      if (isPlayedWith || strangers.has(peerID) || strangers.size >= MAX_STRANGERS_TOLD) return;
      strangers.add(peerID);
      context.err.line(`${peerID} has dialled too and was not audited: the audit continues with its first node.`);
    };
    const results = (onFacts: AuditOptions['onFacts']): AsyncIterable<CaseResult> =>
      auditInitiator((signal) => acceptOwn(acceptor, mine, signal, context), {
        ...options,
        listeningPort: options.listeningPort ?? acceptor.port,
        ...(nudged && { nudge: () => dialTcp(nudged) }),
        onFacts,
        onStranger,
      });
    await report(`the target on ${formatTarget(acceptor)}`, cases, results, args, options, context);
  } finally {
    await acceptor.close();
  }
}

/** The largest number of other nodes that are printed. */
const MAX_STRANGERS_TOLD = 20;
/** The mean time for a case, from the back-off of stellar-core and the 5 s it takes to close. */
const CORE_SECONDS_PER_CASE = 12;

/** Plays the cases and reports each result. */
async function report(
  target: string,
  cases: readonly AuditCase[],
  results: (onFacts: AuditOptions['onFacts']) => AsyncIterable<CaseResult>,
  args: Given,
  { seed = '' }: AuditOptions,
  context: CliContext,
): Promise<void> {
  const role = roleName((cases[0] as AuditCase).role);
  const report = await AuditReport.open({ target, role, count: cases.length, seed, version: VERSION }, args, context);
  try {
    for await (const result of results((facts) => report.meet(facts))) {
      report.add(result);
      await context.out.drained(context.signal);
    }
  } catch (error) {
    // A failed case is more important than the error that ended the audit.
    if (!context.signal.aborted && !(report.hasFailed && error instanceof OverlayError)) throw error;
    if (!context.signal.aborted) context.err.line(`${(error as OverlayError).message} The audit has ended early.`);
  } finally {
    await report.end();
  }
  context.exitCode = context.signal.aborted ? EXIT.INTERRUPTED : report.hasFailed ? EXIT.SOME_FAILED : EXIT.OK;
}

/** The next connection from an address that we may audit. */
async function acceptOwn(acceptor: TcpAcceptor, mine: boolean, signal: AbortSignal, context: CliContext): Promise<Duplex> {
  for (;;) {
    const socket = await acceptor.next(signal);
    const { remoteAddress = '' } = socket;
    if (mine || isPrivateAddress(remoteAddress)) return socket;
    context.err.line(`${remoteAddress} has dialled and was not audited: it ${NOT_YOURS}.`);
    socket.destroy();
  }
}

/** The address to dial. @throws {UsageError} when it may belong to someone else */
async function ownAddress(target: Target, mine: boolean, signal: AbortSignal): Promise<Target> {
  const limits = { clock: systemClock, timeoutMs: HANDSHAKE_TIMEOUT_MS, signal };
  const [host = target.host] = await resolveName({ host: target.host, ...limits });
  if (!mine && !isPrivateAddress(host)) {
    const named = host === target.host ? host : `${target.host} (${host})`;
    throw new UsageError(`${named} ${NOT_YOURS}`);
  }
  return { host, port: target.port };
}

function readSelection(args: Given): Selection {
  const { severity } = args;
  if (severity !== undefined && !(SEVERITIES as readonly string[]).includes(severity))
    throw new UsageError(`--severity is one of ${SEVERITIES.join(', ')}`);
  return {
    only: readNames(args.only),
    skip: readNames(args.skip),
    severity: severity as Severity | undefined,
    ...(args.hostile && { hostile: true }),
    ...(args.slow && { slow: true }),
  };
}

function readNames(text: string | undefined): readonly string[] | undefined {
  const names = text?.split(',').map((name) => name.trim());
  return names?.filter((name) => name !== '');
}

function select(role: PeerRole, selection: Selection): readonly AuditCase[] {
  try {
    return selectCases(CASES, role, selection);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function caseJson({ id, title, why, source, role, group, severity, steps, expect, threat, hostile, slow }: AuditCase): object {
  return {
    ...{ id, title, why, source, role, group, severity, steps: steps.map(({ text }) => text), expected: expect.text },
    ...{ ...(threat && { threat }), hostile: hostile === true, slow: slow === true },
  };
}
