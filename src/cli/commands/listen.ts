import { type CommandDef, defineCommand } from 'citty';
import type { ListenerEvent } from '../../net/arrival.ts';
import type { Connection } from '../../net/connection.ts';
import { listen as listenOn } from '../../net/listen.ts';
import { adaptsOverlayRange } from '../../net/options.ts';
import { formatTarget } from '../../net/target.ts';
import { adaptedRangeText } from '../../protocol/handshake/overlay-range.ts';
import { clockSkew, remoteJson, roundMs } from '../../report/json.ts';
import { captureArgs, openCapture } from '../capture.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { nodeArgs, nodeOptions, readAddress, readLimit } from '../options.ts';
import { formatMs, type Output, printable } from '../output.ts';

const args = {
  address: {
    type: 'positional',
    required: true,
    description: 'PORT, HOST:PORT or [IPv6]:PORT; the host is 127.0.0.1 by default, port 0 is any free port',
  },
  'max-pending': { type: 'string', description: 'Connections in the handshake at once (444)', valueHint: 'N' },
  'max-authenticated': { type: 'string', description: 'Authenticated connections at once (64)', valueHint: 'N' },
  'max-per-address': {
    type: 'string',
    description: 'Connections of one IP address, for each of these two limits (half of the limit)',
    valueHint: 'N',
  },
  ...captureArgs,
  ...nodeArgs,
} as const;

/** listen [HOST:]PORT: accept handshakes. */
export const listen: CommandDef<typeof args> = defineCommand({
  meta: { name: 'listen', description: 'Accept connections and print the result of each handshake, until Ctrl-C' },
  args,
  async run({ args, data }) {
    const context = data as CliContext;
    const { out, signal } = context;
    const { host, port } = readAddress(args.address);
    const { signal: _signal, ...given } = await nodeOptions(args, signal);
    const options = { adaptOverlayRange: true, ...given };
    const adapts = adaptsOverlayRange(options);
    let omitted = 0;
    const tellOmitted = (): void => {
      if (omitted === 0) return;
      if (args.json) out.json({ event: 'omitted', at: new Date().toISOString(), count: omitted });
      else out.line(`${omitted} events were not printed, because the output was not read.`);
      omitted = 0;
    };
    const tell = (event: ListenerEvent): void => {
      // This code does not wait for the reader, and unknown peers can cause any number of lines.
      if (out.isStuck) {
        omitted++;
        return;
      }
      tellOmitted();
      if (args.json) out.json(eventJson(event, adapts));
      else printEvent(event, adapts, out);
    };
    const limits = {
      maxPendingConnections: readLimit(args['max-pending'], '--max-pending'),
      maxAuthenticatedConnections: readLimit(args['max-authenticated'], '--max-authenticated'),
      maxPerAddress: readLimit(args['max-per-address'], '--max-per-address'),
    };
    const capture = await openCapture(args);
    try {
      const listener = await listenOn({
        ...options,
        ...capture.options,
        ...limits,
        host,
        port,
        onEvent: (event) => {
          tell(event);
          if (event.event === 'authenticated') void drain(event.connection);
        },
      });
      const where = { host: listener.host, port: listener.port };
      if (args.json) out.json({ event: 'listening', at: new Date().toISOString(), ...where, peerID: listener.peerID });
      else out.line(`Listening on ${formatTarget(where)} as ${listener.peerID}`);
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      await listener.close();
      tellOmitted();
    } finally {
      await capture.close();
    }
    context.exitCode = EXIT.INTERRUPTED;
  },
});

/** Reads every message, so that the peer gets credit and can continue to send. The event `closed` reports the end. */
async function drain(connection: Connection): Promise<void> {
  try {
    for await (const _message of connection);
  } catch {
    // The event `closed` has reported it.
  }
}

/** @param adapts whether a range of overlay versions other than the default was taken from the peer */
function eventJson(event: ListenerEvent, adapts: boolean): object {
  const base = { event: event.event, at: new Date().toISOString(), remoteAddress: formatTarget(event.remoteAddress) };
  switch (event.event) {
    case 'connected':
      return base;
    case 'authenticated': {
      const { remote, timings, role } = event.connection;
      const skew = clockSkew(remote, Date.now() / 1000);
      const { overlayRange } = event.connection;
      return {
        ...base,
        ...{ role, remote: remoteJson(remote), timings: roundMs(timings), ...(skew && { clockSkew: skew }) },
        ...(adapts && adaptedRangeText(overlayRange) !== undefined && { overlayRange }),
      };
    }
    case 'refused':
      return { ...base, ...(event.error.remote && { remote: remoteJson(event.error.remote) }), error: event.error.toJSON() };
    case 'closed':
      return { ...base, peerID: event.remote.peerID, error: event.error.toJSON() };
  }
}

function printEvent(event: ListenerEvent, adapts: boolean, out: Output): void {
  const where = formatTarget(event.remoteAddress);
  switch (event.event) {
    case 'connected':
      return;
    case 'authenticated': {
      const { remote, timings } = event.connection;
      const versions = `overlay ${remote.overlayMinVersion} to ${remote.overlayVersion}, ledger protocol ${remote.ledgerVersion}`;
      out.line(
        `${out.style('green', '✓')} ${where} is ${remote.peerID} (${printable(remote.versionStr)}, ${versions}), ${formatMs(timings.totalMs)}`,
      );
      const adapted = adapts ? adaptedRangeText(event.connection.overlayRange, 'answered') : undefined;
      if (adapted !== undefined) out.line(out.style('dim', `  ${adapted}`));
      return;
    }
    case 'refused': {
      const { error } = event;
      const told = error.told ? `; told ${error.told.code} “${error.told.message}”` : '';
      out.line(
        `${out.style('red', '✗')} ${where}${error.remote ? ` (${error.remote.peerID})` : ''}: ${printable(error.message)}`,
      );
      out.line(`  ${error.advice}`);
      out.line(out.style('dim', `  ${error.causeName} (${error.code}, in ${error.stage}${told})`));
      return;
    }
    case 'closed':
      out.line(out.style('dim', `· ${where} ${event.remote.peerID} left: ${printable(event.error.message)}`));
  }
}
