/** The package as npm publishes it: its documents, its imports, and the first example of the README. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networks } from '../../src/index.ts';
import { mockNode } from '../../src/testing/index.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** Targets of links and images of a Markdown text, of both forms. */
function linksOf(text: string): readonly string[] {
  const withoutCode = text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  const links = withoutCode.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)/gm);
  return Array.from(links, ([, inline = '', reference = '']) => inline || reference).filter(
    (link) => !/^(?:[a-z]+:|#)/.test(link),
  );
}

/** The anchors of a Markdown text’s headings, as forges make them. */
function anchorsOf(text: string): readonly string[] {
  return Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The package, as npm makes it. */
interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

let folder: string;
let packed: Packed;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stellar-handshake-pack-'));
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT });
  [packed] = JSON.parse(stdout) as [Packed];
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the published package', () => {
  it('contains every file and heading that its documents link to', async () => {
    const files = new Set(packed.files.map(({ path }) => path));
    const documents = [...files].filter((path) => path.endsWith('.md'));
    expect(documents).toContain('docs/protocol.md');
    const dead: string[] = [];
    let count = 0;
    for (const document of documents) {
      for (const link of linksOf(await readFile(join(ROOT, document), 'utf8'))) {
        count++;
        const [path = '', anchor] = link.split('#');
        const target = join(dirname(document), path);
        // Pictures, and what is for people who change the sources, are in the repository.
        if (/^docs\/images\/|^docs\/architecture\.md$|^CONTRIBUTING\.md$/.test(target)) continue;
        const lacksAnchor = async (): Promise<boolean> =>
          anchor !== undefined && !anchorsOf(await readFile(join(ROOT, target), 'utf8')).includes(anchor);
        if (!files.has(target) || (await lacksAnchor())) dead.push(`${document}: ${link}`);
      }
    }
    expect(dead).toEqual([]);
    expect(count).toBeGreaterThan(15);
  });

  it('gets the repository and its bug tracker from the release workflow', { timeout: 60_000 }, async () => {
    const workflow = await readFile(join(ROOT, '.github/workflows/release.yml'), 'utf8');
    const [, command = ''] = /^ {8}run: (npm pkg set .+)$/m.exec(workflow) ?? [];
    const folder = await mkdtemp(join(tmpdir(), 'stellar-handshake-release-'));
    try {
      await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'));
      const forge = { GITHUB_SERVER_URL: 'https://forge.example', GITHUB_REPOSITORY: 'someone/stellar-handshake' };
      await run('sh', ['-c', command], { cwd: folder, env: { ...process.env, ...forge } });
      const { repository, bugs, homepage, ...rest } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
      expect({ repository, bugs, homepage }).toEqual({
        repository: { type: 'git', url: 'git+https://forge.example/someone/stellar-handshake.git' },
        bugs: { url: 'https://forge.example/someone/stellar-handshake/issues' },
        homepage: 'https://forge.example/someone/stellar-handshake#readme',
      });
      expect(rest).toEqual(JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('an application that installs the package', () => {
  it('imports the library without any other package, and runs the command line', { timeout: 60_000 }, async () => {
    const home = join(folder, 'node_modules/stellar-handshake');
    await mkdir(home, { recursive: true });
    await run('tar', ['-xzf', join(folder, packed.filename), '--strip-components=1', '-C', home]);
    const { dependencies, exports } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as {
      readonly dependencies: Readonly<Record<string, string>>;
      readonly exports: Readonly<Record<string, unknown>>;
    };
    expect(Object.keys(dependencies)).toEqual(['@stellar/stellar-xdr-json']);
    // That one has 3.7 MB.
    expect(packed.unpackedSize).toBeLessThan(2_530_000);

    // No other package is installed. Two entries need an installed peer dependency.
    const entries = Object.keys(exports).filter((entry) => !/json$|crypto\/(?:web|sodium)$/.test(entry));
    const imports = entries.map((entry) => `import ${JSON.stringify(join('stellar-handshake', entry))};`);
    expect(imports.length).toBeGreaterThan(7);
    await writeFile(join(folder, 'application.mjs'), `${imports.join('\n')}\nconsole.log('imported');\n`);
    expect((await run(process.execPath, ['application.mjs'], { cwd: folder })).stdout).toBe('imported\n');
    const help = await run(process.execPath, [join(home, 'dist/cli/main.cjs'), '--help']);
    expect(help.stdout).toContain('stellar-handshake probe');
  });
});

describe('README', () => {
  it('begins the section about the library with a JavaScript example that runs', { timeout: 60_000 }, async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    const [, example = ''] = /^## The library$[\s\S]*?^```js\n([\s\S]*?)^```$/m.exec(readme) ?? [];
    await using node = await mockNode({ network: networks.testnet }, async (peer) => {
      await peer.handshake();
      const pledges = { type: 'SCP_ST_NOMINATE', quorumSetHash: new Uint8Array(32), votes: [], accepted: [] } as const;
      const statement = { nodeID: peer.peerID, slotIndex: 60_000_001n, pledges };
      peer.send({ type: 'SCP_MESSAGE', envelope: { statement, signature: new Uint8Array(64) } });
      await peer.expectEnd();
    });
    const folder = await mkdtemp(join(tmpdir(), 'stellar-handshake-readme-'));
    try {
      const file = join(folder, 'example.mjs');
      await writeFile(file, example);
      // Node can parse the example unchanged.
      await run(process.execPath, ['--check', file]);
      const here = example
        .replace("'stellar-handshake'", JSON.stringify(join(ROOT, 'src/index.ts')))
        .replace("host: 'core.example.org'", `host: '${node.host}', port: ${node.port}`);
      await writeFile(file, here);
      const { stdout } = await run(process.execPath, ['--import', 'tsx', file], { cwd: ROOT });
      expect(stdout).toMatch(/^G[A-Z2-7]{55} /);
      expect(stdout).toContain('\nledger 60000001n\n');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
