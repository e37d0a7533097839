/**
 * Makes docs/errors.md from the table in src/protocol/error-table.ts and the exit codes of the command line.
 * A test keeps the two equal; run `npm run docs` after a change.
 * @module
 */
import { writeFileSync } from 'node:fs';
import { EXIT_CODE } from '../src/cli/exit-codes.ts';
import { ERROR_TABLE, type ErrorInfo, type OverlayErrorCode, PEER_ERROR_TABLE, type Stage } from '../src/protocol/error-table.ts';

/** Where the document is. */
export const ERRORS_DOC: URL = new URL('../docs/errors.md', import.meta.url);

/** The text of docs/errors.md. */
export function errorsDocument(): string {
  const codes = Object.entries(ERROR_TABLE) as [OverlayErrorCode, ErrorInfo][];
  return `# Errors

Every failure is an \`OverlayError\`. Its \`code\` and its cause are stable: match on these, never on the message. \`stage\` says where it happened: \`dns\`, \`tcp\`, \`hello\` (until the peer's HELLO is accepted), \`auth\` (until its AUTH is accepted), \`channel\`. \`peerError\` is the ERROR_MSG of the peer, if it sent one. \`remote\` is the peer, if its certificate was good. Wrong arguments throw a \`TypeError\` or \`RangeError\` before anything is sent.

This page is made from \`src/protocol/error-table.ts\`.

| code | exit code | the peer is told | stellar-core logs |
| --- | --- | --- | --- |
${codes.map(([code, info]) => `| [\`${code}\`](#${code.toLowerCase()}) | ${EXIT_CODE[code]} | ${told(info)} | ${logged(info)} |`).join('\n')}

${codes.map(([code, info]) => section(code, info)).join('\n')}
## What a peer says

With \`OVERLAY_PEER_ERROR\`, and with a code of ours whose ERROR_MSG the peer has sent, the text of the peer's ERROR_MSG decides the cause and the advice. ERROR_MSG is not authenticated: anyone on the network path could have sent it.

| text begins with | cause | what to do |
| --- | --- | --- |
${PEER_ERROR_TABLE.map(({ text, cause, advice }) => `| \`${text}\` | \`${cause}\` | ${advice} |`).join('\n')}
`;
}

/** Notes on a code besides its row. */
const NOTES: Readonly<Partial<Record<OverlayErrorCode, string>>> = {
  OVERLAY_CONNECTION_RESET: `A reset directly after data looks different in different versions of Node, because of its libuv. Node 24 and 26 report the reset, and discard data that the application has not yet received. Node 20 and 22 deliver the data and then an orderly end, as after FIN, so that the code is \`OVERLAY_CONNECTION_CLOSED\`. Only a write would show the reset, and the library does not write for that reason. When neither side was sending, all versions report the reset. So on Node 20 and 22 a connection reported as closed may have been reset; the opposite does not happen.`,
};

function section(code: OverlayErrorCode, info: ErrorInfo): string {
  const stages = Object.entries(info.byStage ?? {}) as [Stage, Pick<ErrorInfo, 'cause' | 'advice'>][];
  const rows = [
    `Cause \`${info.cause}\`. ${info.summary}`,
    `The peer is told: ${told(info)}.`,
    `What to do: ${info.advice}`,
    ...(NOTES[code] === undefined ? [] : [NOTES[code]]),
    ...stages.map(([stage, { cause, advice }]) => `In stage \`${stage}\` the cause is \`${cause}\`. What to do: ${advice}`),
  ];
  return `### ${code}\n\n${rows.join('\n\n')}\n`;
}

function told({ told }: ErrorInfo): string {
  if (told === undefined) return 'nothing, no connection is open';
  return told === null ? 'nothing, a silent drop' : `\`${told[0]}\` “${told[1].trim()}”`;
}

function logged({ dropReason }: ErrorInfo): string {
  return dropReason === undefined ? '' : `\`${dropReason}\``;
}

if (process.argv[1] === import.meta.filename) writeFileSync(ERRORS_DOC, errorsDocument());
