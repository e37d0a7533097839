/**
 * Audits @stellarbeat/js-stellar-node-connector in both roles and writes what came of it into docs/conformance.md, between two
 * markers. Takes about eight minutes: `npx tsx scripts/audit-rival.ts`.
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { CONNECTOR } from '../bench/support/connector.ts';
import { installRival, rivalVersion } from '../bench/support/rivals.ts';
import {
  acceptTcp,
  auditAcceptor,
  auditInitiator,
  type CaseResult,
  countVerdicts,
  dialTcp,
  SEVERITIES,
} from '../src/audit/index.ts';
import { networks } from '../src/index.ts';
import { VERSION } from '../src/net/version.ts';
import { Rival } from '../test/support/rival.ts';

const DOC = new URL('../docs/conformance.md', import.meta.url);
const BEGIN = '<!-- connector: made by scripts/audit-rival.ts -->';
const END = '<!-- connector: end -->';
const SEED = 'conformance';

/** Results of one run, and how often the target died in it. */
interface Run {
  readonly results: readonly CaseResult[];
  readonly deaths: number;
}

interface RunOptions {
  readonly floods: 'all' | 'none';
  readonly only?: readonly string[];
}

async function accepting({ floods, only }: RunOptions): Promise<Run> {
  await using rival = new Rival({ role: 'listen', floods });
  const port = await rival.listening();
  const dial = (): ReturnType<typeof dialTcp> => dialTcp({ host: '127.0.0.1', port });
  const results = await collect(auditAcceptor(dial, { network: networks.standalone, seed: SEED, hostile: true, only }));
  return { results, deaths: rival.deaths };
}

async function dialling({ floods, only }: RunOptions): Promise<Run> {
  await using acceptor = await acceptTcp({ host: '127.0.0.1', port: 0 });
  await using rival = new Rival({ role: 'dial', port: acceptor.port, floods });
  const results = await collect(
    auditInitiator((signal) => acceptor.next(signal), {
      ...{ network: networks.standalone, seed: SEED, hostile: true, only },
      deaths: () => rival.deaths,
    }),
  );
  return { results, deaths: rival.deaths };
}

async function collect(from: AsyncIterable<CaseResult>): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  for await (const one of from) {
    results.push(one);
    process.stderr.write(`${one.verdict} ${one.id}\n`);
  }
  return results;
}

const nameOf = ({ id }: CaseResult): string => id.slice(id.indexOf('.') + 1);

/** What came, in one line without anything that Markdown would take for itself. */
function cell(result: CaseResult | undefined): string {
  if (result === undefined) return '';
  if (result.verdict !== 'fail') return result.verdict;
  const text = result.came.replace(/\s+/g, ' ').replace(/[|<>`*_\\]/g, '\\$&');
  const { threat } = result;
  return threat === undefined ? text : `**${threat}**: ${text}`;
}

function failures(accepted: readonly CaseResult[], dialled: readonly CaseResult[]): string {
  const all = [...accepted, ...dialled];
  const names = [...new Set(all.filter(({ verdict }) => verdict === 'fail').map(nameOf))];
  const rows = names.map((name) => {
    const [a, d] = [accepted, dialled].map((results) => results.find((one) => nameOf(one) === name));
    const failed = [a, d].filter((one) => one?.verdict === 'fail') as readonly CaseResult[];
    const severity = Math.min(...failed.map((one) => SEVERITIES.indexOf(one.severity)));
    return { severity, text: `| ${SEVERITIES[severity]} | \`${name}\`: ${failed[0]?.title} | ${cell(a)} | ${cell(d)} |` };
  });
  rows.sort((a, b) => a.severity - b.severity);
  return ['| severity | case | accepting | dialling |', '| --- | --- | --- | --- |', ...rows.map(({ text }) => text)].join('\n');
}

function counts(role: string, { results, deaths }: Run): string {
  const { pass, differs, fail, undecided, 'not-applicable': not } = countVerdicts(results);
  return `| ${role} | ${results.length} | ${pass} | ${differs} | ${fail} | ${not} | ${undecided} | ${deaths} |`;
}

function section(a: Run, d: Run, unread: readonly CaseResult[]): string {
  const silent = [...a.results, ...d.results].filter(
    ({ verdict, came }) => verdict === 'differs' && came.startsWith('it closes without saying why'),
  );
  const differing = [...a.results, ...d.results].filter(({ verdict }) => verdict === 'differs');
  return `## ${CONNECTOR} ${rivalVersion('connector', CONNECTOR)}

Audited on ${new Date().toISOString().slice(0, 10)} with stellar-handshake ${VERSION} on Node ${process.versions.node}, \`--hostile\`, seed \`${SEED}\`, over
loopback. The connector runs as its own example sets it up: it listens for \`error\`, closes on \`timeout\`, takes every message
at once, answers GET_SCP_QUORUMSET with DONT_HAVE, and is started again when its process has ended. It is a library for
crawlers, not a node, and many a row below is a check that it leaves to the application or that a crawler can do without; a
process that ends, memory without a limit and answers to strangers are not among those.

| role | cases | pass | differs | fail | not applicable | undecided | deaths of the process |
| --- | --- | --- | --- | --- | --- | --- | --- |
${counts('accepting', a)}
${counts('dialling', d)}

Of the ${differing.length} cases in which it differs, ${silent.length} end as they should but without the ERROR_MSG that says why: it sends none.

${failures(a.results, d.results)}

With \`receiveSCPMessages\` and \`receiveTransactionMessages\` off, as crawlers may set them, it does not look at the MAC of such messages:

${failures(unread, [])}
`;
}

function write(text: string): void {
  const before = existsSync(DOC) ? readFileSync(DOC, 'utf8') : '# Conformance\n';
  const [from, to] = [before.indexOf(BEGIN), before.indexOf(END)];
  const whole = `${BEGIN}\n\n${text}\n${END}`;
  const after =
    from < 0 || to < from ? `${before.trimEnd()}\n\n${whole}\n` : before.slice(0, from) + whole + before.slice(to + END.length);
  writeFileSync(DOC, after);
}

await installRival('connector');
const accepted = await accepting({ floods: 'all' });
const dialled = await dialling({ floods: 'all' });
const only = ['flood-advert', 'flood-demand', 'scp-message', 'transaction'].map((type) => `${type}-mac-flipped`);
const unread = await accepting({ floods: 'none', only });
write(section(accepted, dialled, unread.results));
