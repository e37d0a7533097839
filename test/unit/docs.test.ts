import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { CONFORMANCE_DOC, conformanceDocument } from '../../scripts/conformance-doc.ts';
import { ERRORS_DOC, errorsDocument } from '../../scripts/errors-doc.ts';
import { EXIT, EXIT_CODE } from '../../src/cli/exit-codes.ts';
import { VERSION } from '../../src/net/version.ts';
import { ERROR_TABLE, type ErrorInfo, type OverlayErrorCode, PEER_ERROR_TABLE } from '../../src/protocol/error-table.ts';

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('documents and tables', () => {
  it('docs/errors.md matches the error table', async () => {
    expect(await readFile(ERRORS_DOC, 'utf8')).toBe(errorsDocument());
  });

  it('docs/conformance.md lists every case of the audit', async () => {
    const text = await readFile(CONFORMANCE_DOC, 'utf8');
    expect(text).toBe(conformanceDocument(text));
  });

  it('every cause has one name of its own, advice and a summary', () => {
    const rows = [...Object.values(ERROR_TABLE), ...PEER_ERROR_TABLE];
    const causes = rows.map(({ cause }) => cause);
    expect(new Set(causes).size).toBe(causes.length);
    for (const { cause, advice } of rows) {
      expect(cause).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(advice.length).toBeGreaterThan(20);
    }
  });

  it('the exit codes of docs/cli.md are those of the program, for every cause', async () => {
    const rows = Array.from(
      (await read('docs/cli.md')).matchAll(/^\| (\d+) \| (.+) \|$/gm),
      ([, code, text]) => [code, text] as const,
    );
    expect(rows.map(([code]) => Number(code))).toEqual(Object.values(EXIT));
    const codesOf = (cause: string): number[] =>
      Object.entries(ERROR_TABLE as Readonly<Record<string, ErrorInfo>>)
        .filter(([, info]) => [info, ...Object.values(info.byStage ?? {})].some((each) => each.cause === cause))
        .map(([code]) => EXIT_CODE[code as OverlayErrorCode]);
    const named = rows.flatMap(([code, text]) =>
      Array.from((text ?? '').matchAll(/`([a-z]+(?:-[a-z]+)+)`/g), ([, cause]) => [cause ?? '', Number(code)] as const),
    );
    expect(named.length).toBeGreaterThan(15);
    for (const [cause, code] of named) expect([cause, ...codesOf(cause)]).toEqual([cause, code]);
  });

  it('the exported version is that of package.json', async () => {
    expect(JSON.parse(await read('package.json')).version).toBe(VERSION);
  });

  it('the library root imports no third-party module', async () => {
    const seen = new Set<string>();
    const visit = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      const text = await read(path);
      for (const [, from] of text.matchAll(/(?:import|export)[^;]*? from '([^']+)'/g)) {
        expect(from).toMatch(/^(?:\.|node:)/);
        if (from?.startsWith('.')) await visit(new URL(from, `file:///${path}`).pathname.slice(1));
      }
    };
    await visit('src/index.ts');
    expect(seen.size).toBeGreaterThan(20);
  });
});
