import { type CommandDef, defineCommand } from 'citty';
import type { OverlayErrorJson } from '../../protocol/errors.ts';
import { type ProbeResult, probe as probeTarget } from '../../tools/probe/probe.ts';
import { captureArgs, openCapture } from '../capture.ts';
import type { CliContext } from '../context.ts';
import { EXIT, EXIT_CODE } from '../exit-codes.ts';
import { expectArg, nodeArgs, nodeOptions, readTarget } from '../options.ts';
import { formatMs, formatSeconds, type Output, printable } from '../output.ts';

const args = {
  targets: { type: 'positional', required: true, description: 'HOST, HOST:PORT or [IPv6]:PORT; several are probed side by side' },
  ...expectArg,
  ...captureArgs,
  ...nodeArgs,
} as const;

/** probe HOST[:PORT]…: can this node be reached, and if not, why not? */
export const probe: CommandDef<typeof args> = defineCommand({
  meta: { name: 'probe', description: 'Do one real handshake with each target and say who answered, or why not' },
  args,
  async run({ args, data }) {
    const context = data as CliContext;
    const { out, signal } = context;
    const targets = args._.map(readTarget);
    const options = await nodeOptions(args, signal);
    const capture = await openCapture(args);
    const results: ProbeResult[] = [];
    try {
      for (const pending of targets.map((target) => probeTarget(target, { ...options, ...capture.options }))) {
        const result = await pending;
        results.push(result);
        if (args.json) out.line(JSON.stringify(result));
        else printResult(result, out);
      }
    } finally {
      await capture.close();
    }
    context.exitCode = exitCode(results);
  },
});

function exitCode(results: readonly ProbeResult[]): number {
  const failed = results.flatMap(({ error }) => (error === undefined ? [] : [error]));
  if (failed[0] === undefined) return EXIT.OK;
  if (failed.some(({ code }) => code === 'OVERLAY_ABORTED')) return EXIT.INTERRUPTED;
  return results.length > 1 ? EXIT.SOME_FAILED : EXIT_CODE[failed[0].code];
}

function printResult(result: ProbeResult, out: Output): void {
  const { target, remote, timings, clockSkew, error, warnings = [] } = result;
  const dim = (text: string): string => out.style('dim', text);
  const row = (label: string, text: string): void => out.line(`  ${dim(label.padEnd(12))}${text}`);
  if (error) printFailure(target, error, out);
  else out.line(`${out.style('green', '✓')} ${out.style('bold', target)} answers and takes us in`);
  if (remote) {
    row('peer', `${remote.peerID}  ${printable(remote.versionStr)}`);
    row('network', remote.network ?? remote.networkID);
    row('speaks', `overlay ${remote.overlayMinVersion} to ${remote.overlayVersion}, ledger protocol ${remote.ledgerVersion}`);
    row('listens', `port ${remote.listeningPort}`);
    row('certificate', `until ${remote.certExpiration}`);
  }
  if (clockSkew)
    row('its clock', `between ${formatSeconds(clockSkew.minSeconds)} and ${formatSeconds(clockSkew.maxSeconds)} of ours`);
  if (timings) {
    const { dnsMs, tcpMs, helloMs, authMs, totalMs, pingMs } = timings;
    const phases = `dns ${formatMs(dnsMs)}, tcp ${formatMs(tcpMs)}, hello ${formatMs(helloMs)}, auth ${formatMs(authMs)}`;
    row('time', `${formatMs(totalMs)} ${dim(`(${phases})`)}${pingMs === undefined ? '' : `, ping ${formatMs(pingMs)}`}`);
  }
  for (const warning of warnings) out.line(`  ${out.style('yellow', '!')} ${warning}`);
}

/** The cause and what to do, in the first two lines. */
export function printFailure(target: string, error: OverlayErrorJson, out: Output): void {
  out.line(`${out.style('red', '✗')} ${out.style('bold', target)}: ${printable(error.message)}`);
  out.line(`  ${error.advice}`);
  out.line(out.style('dim', `  ${error.cause} (${error.code}, in ${error.stage})`));
}
