/**
 * Audits @stellarbeat/js-stellar-node-connector in both roles and writes the number of each verdict into docs/conformance.md,
 * between two markers. The single verdicts are for its maintainers. Takes about eight minutes: `npx tsx scripts/audit-rival.ts`.
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { CONNECTOR } from '../bench/support/connector.ts';
import { installRival, rivalVersion } from '../bench/support/rivals.ts';
import { acceptTcp, auditAcceptor, auditInitiator, type CaseResult, countVerdicts, dialTcp } from '../src/audit/index.ts';
import { networks } from '../src/index.ts';
import { VERSION } from '../src/net/version.ts';
import { Rival } from '../test/support/rival.ts';

const DOC = new URL('../docs/conformance.md', import.meta.url);
const BEGIN = '<!-- connector: made by scripts/audit-rival.ts -->';
const END = '<!-- connector: end -->';
const SEED = 'conformance';

type Results = readonly CaseResult[];

async function accepting(): Promise<Results> {
  await using rival = new Rival({ role: 'listen' });
  const port = await rival.listening();
  const dial = (): ReturnType<typeof dialTcp> => dialTcp({ host: '127.0.0.1', port });
  return await collect(auditAcceptor(dial, { network: networks.standalone, seed: SEED, hostile: true }));
}

async function dialling(): Promise<Results> {
  await using acceptor = await acceptTcp({ host: '127.0.0.1', port: 0 });
  await using rival = new Rival({ role: 'dial', port: acceptor.port });
  const options = { network: networks.standalone, seed: SEED, hostile: true, deaths: () => rival.deaths };
  return await collect(auditInitiator((signal) => acceptor.next(signal), options));
}

async function collect(from: AsyncIterable<CaseResult>): Promise<Results> {
  const results: CaseResult[] = [];
  for await (const one of from) results.push(one);
  return results;
}

function counts(role: string, results: Results): string {
  const { pass, differs, fail, undecided, 'not-applicable': not } = countVerdicts(results);
  return `| ${role} | ${results.length} | ${pass} | ${differs} | ${fail} | ${not} | ${undecided} |`;
}

function section(accepted: Results, dialled: Results): string {
  return `## ${CONNECTOR} ${rivalVersion('connector', CONNECTOR)}

Audited on ${new Date().toISOString().slice(0, 10)} with stellar-handshake ${VERSION} on Node ${process.versions.node}, \`--hostile\`, seed \`${SEED}\`, over
loopback, set up as in its own example. It is a library for crawlers, not a node. It leaves many rules to the application, and a
crawler does not need others.

| role | cases | pass | differs | fail | not applicable | undecided |
| --- | --- | --- | --- | --- | --- | --- |
${counts('accepting', accepted)}
${counts('dialling', dialled)}
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
write(section(await accepting(), await dialling()));
