/** Mistakes on the command line are refused with a suggestion, and no name is looked up or dialled. */
import { describe, expect, it } from 'vitest';
import { listen, networks } from '../../../src/index.ts';
import { callCli, runCli } from '../../support/cli.ts';

const KEY = 'GCADMDSIGUXZD66NKUCOQTFBN3EYSE3OAW5MPN3VWP7DVLVXAYFJQTPN';

describe('a mistake on the command line', () => {
  it.each<[args: string[], message: string]>([
    [['prob', 'a.example'], 'there is no verb prob; did you mean probe? A host of that name is probed with: probe prob'],
    [['wach', 'a.example'], 'there is no verb wach; did you mean watch?'],
    [['Explain'], 'there is no verb Explain; did you mean explain?'],
    [['a.example', '11625'], '11625 is a number, not a host; did you mean a.example:11625?'],
    [['probe', '::1', '11625'], '11625 is a number, not a host; did you mean [::1]:11625?'],
    [['watch', 'a.example', '11625'], 'too many arguments; did you mean a.example:11625?'],
    [['explain', 'a.example', '11625'], 'too many arguments; did you mean a.example:11625?'],
    [['watch', 'a.example', 'b.example'], 'too many arguments'],
    [['11625'], '11625 is a number, not a host: write HOST:11625'],
    [['1:11625'], '"1" is neither a host name nor a complete IP address'],
    [[KEY], `${KEY} is the key of a node, not its address: write HOST:PORT, and use --expect for the key`],
    [['probe', 'a.example', '--tiemout', '3s'], "Unknown option '--tiemout'; did you mean --timeout?"],
    [['watch', 'a.example', '--jsn'], "Unknown option '--jsn'; did you mean --json?"],
    [['probe', 'a.example', '--frobnicate'], "Unknown option '--frobnicate'"],
    [['probe', 'a.example', '-4', '-6'], '-4 and -6 exclude each other'],
    [['probe', 'a.example', '--network', 'tesnet'], '--network: "tesnet" is not a network; did you mean testnet?'],
    [['watch', 'a.example', '--network', 'Pubnt'], '--network: "Pubnt" is not a network; did you mean pubnet?'],
    [['exporter', '--network', 'standalon'], '--network: "standalon" is not a network; did you mean standalone?'],
  ])('is refused, with a suggestion where there is one: %j', async (args, message) => {
    const { code, stdout, stderr } = await callCli(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.split('\n')[0]).toContain(`✗ ${message}`);
  });
});

describe('a network on the command line', () => {
  it.each([
    ['probe', 'STANDALONE', ''],
    ['explain', 'Standalone Network ; February 2017', ''],
    ['probe', 'A network of ours', '! Not a known network name: “A network of ours” is used as the passphrase.\n'],
    ['explain', 'passphrase:testnt', '! Not a known network name: “testnt” is used as the passphrase.\n'],
  ])('is accepted by %s as %j, and a passphrase is reported as such', async (verb, network, stderr) => {
    await using node = await listen({ network: networks.standalone, port: 0 });
    const finished = await runCli([verb, `127.0.0.1:${node.port}`, '--network', network, '--json']);
    expect(finished.stderr.split(/^127\.0\.0\.1:\d+ closed without a message/m)[0]).toBe(stderr);
    const { ok, error } = JSON.parse(finished.stdout);
    expect({ ok, cause: error?.cause }).toEqual(stderr === '' ? { ok: true } : { ok: false, cause: 'other-network' });
  });
});
