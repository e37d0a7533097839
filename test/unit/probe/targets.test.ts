import { describe, expect, it } from 'vitest';
import { formatTarget, parseTarget } from '../../../src/net/target.ts';
import { parseTargets, targetKey, uniqueTargets } from '../../../src/probe/targets.ts';

describe('a list of targets', () => {
  it('has one target on each line, with any line ending, comments and blank lines', () => {
    const list = '\ufeff# ours\na.example:11625\r\n\r\n  b.example   # the second\n\t\n[2001:db8::1]:1\r192.0.2.1';
    expect(parseTargets(list).map(formatTarget)).toEqual([
      'a.example:11625',
      'b.example:11625',
      '[2001:db8::1]:1',
      '192.0.2.1:11625',
    ]);
  });

  it.each(['', '\n\n', '# nothing\n'])('may be empty: %j', (list) => {
    expect(parseTargets(list)).toEqual([]);
  });

  it.each([
    ['a.example\nb c\n', 'line 2: not a target: "b c"; write HOST, HOST:PORT or [IPv6]:PORT'],
    // A zone belongs to IPv6: such a name must not pass for an address.
    ['192.0.2.1%.example.org', 'line 1: not a target: "192.0.2.1%.example.org"; write HOST, HOST:PORT or [IPv6]:PORT'],
    ['# x\r\n\r\na:70000', 'line 3: not a port from 1 to 65535 in "a:70000"'],
  ])('is refused with the line number of a wrong line: %j', (list, message) => {
    expect(() => parseTargets(list)).toThrow(new TypeError(message));
  });
});

describe('a stellar-core.cfg as a list of targets', () => {
  const CONFIG = `
# TOML
NODE_SEED="SAEBFML7QAWLWRCNJJM4JVQAUJ5LZMZXD6QYRHQEPVHO4A2HSP65Z7JY self"
HTTP_PORT=11626
KNOWN_PEERS=["a.example",   # "commented.example"
  'b.example:11725', "192.0.2.1:11625",
]
COMMANDS=["ll?level=info&x=[#]",
"not.example"]
PREFERRED_PEERS = [ "[2001:db8::1]:1" ]

[[VALIDATORS]]
NAME="bob"
ADDRESS="c.example:11625"
PUBLIC_KEY="GCADMDSIGUXZD66NKUCOQTFBN3EYSE3OAW5MPN3VWP7DVLVXAYFJQTPN"
HISTORY="curl -sf http://history.example/{0} -o {1}"

[QUORUM_SET]
VALIDATORS=[
"GCADMDSIGUXZD66NKUCOQTFBN3EYSE3OAW5MPN3VWP7DVLVXAYFJQTPN alice", "$$self"
]
[QUORUM_SET.1]
VALIDATORS=["$bob"]
`;

  it('gives its known peers, preferred peers and validator addresses', () => {
    expect(parseTargets(CONFIG).map(formatTarget)).toEqual([
      'a.example:11625',
      'b.example:11725',
      '192.0.2.1:11625',
      '[2001:db8::1]:1',
      'c.example:11625',
    ]);
    expect(parseTargets(CONFIG.replaceAll('\n', '\r\n'))).toEqual(parseTargets(CONFIG));
  });

  it.each([
    ['"a.example",\n"b.example:1"]', ['a.example:11625', 'b.example:1']],
    ['KNOWN_PEERS=["a.example", "b.example"]', ['a.example:11625', 'b.example:11625']],
    ['KNOWN_PEERS=[\n"a.example",', ['a.example:11625']],
    ['ADDRESS="a.example"\nADDRESS="b.example:1"', ['a.example:11625', 'b.example:1']],
    ['a.example\nPREFERRED_PEERS=["b.example"]\n[::1]:1\n', ['a.example:11625', 'b.example:11625', '[::1]:1']],
    [']\n[[HOME_DOMAINS]]\n]', []],
  ])('may be only a part of one: %j', (lines, expected) => {
    expect(parseTargets(lines).map(formatTarget)).toEqual(expected);
  });

  it('is refused with the line number of a wrong address', () => {
    expect(() => parseTargets('KNOWN_PEERS=[\n"a.example",\n"b c",\n]')).toThrow('line 3: not a target: "b c"');
  });
});

describe('the host of a target', () => {
  const KEY = 'GCADMDSIGUXZD66NKUCOQTFBN3EYSE3OAW5MPN3VWP7DVLVXAYFJQTPN';

  it.each([
    // A resolver would take these for addresses: 1 is 0.0.0.1.
    ['1', '1 is a number, not a host: write HOST:1'],
    ['11625', '11625 is a number, not a host: write HOST:11625'],
    ['70000', '"70000" is neither a host name nor a complete IP address'],
    ['1:11625', '"1" is neither a host name nor a complete IP address'],
    ['127.1', '"127.1" is neither a host name nor a complete IP address'],
    ['0x7f.1', '"0x7f.1" is neither a host name nor a complete IP address'],
    ['0x7f000001', '"0x7f000001" is neither a host name nor a complete IP address'],
    ['010.0.0.1', '"010.0.0.1" is neither a host name nor a complete IP address'],
    ['127.0.0.1.', '"127.0.0.1." is neither a host name nor a complete IP address'],
    ['256.0.0.1', '"256.0.0.1" is neither a host name nor a complete IP address'],
    [KEY, `${KEY} is the key of a node, not its address: write HOST:PORT, and use --expect for the key`],
    ['a.example 11625', 'not a target: "a.example 11625"; write HOST, HOST:PORT or [IPv6]:PORT; did you mean a.example:11625?'],
    ['tcp://a.example:1/', 'not a target: "tcp://a.example:1/"; write HOST, HOST:PORT or [IPv6]:PORT; did you mean a.example:1?'],
  ])('is refused with a suggestion: %s', (text, message) => {
    expect(() => parseTarget(text)).toThrow(new TypeError(message));
  });

  it.each(['core1', 'a.b2', '1.example', 'x.0a', '::1', '::ffff:1.2.3.4', '1.2.3.4', 'g', 'fe80::1%eth0.100'])(
    'is accepted if it is a name or a complete address: %s',
    (text) => expect(parseTarget(text)).toEqual({ host: text, port: 11625 }),
  );
});

describe('a seed in a list of targets', () => {
  it('is refused and not printed', () => {
    const seed = 'SAEBFML7QAWLWRCNJJM4JVQAUJ5LZMZXD6QYRHQEPVHO4A2HSP65Z7JY';
    expect(() => parseTargets(`a.example\n${seed}\n`)).toThrow(new TypeError('line 2: a secret seed is not a target'));
  });
});

describe('targets', () => {
  it('are equal if host and port are equal, in any spelling', () => {
    const spellings = ['Core.example', 'core.EXAMPLE:11625', '[2001:db8::1]', '2001:DB8:0::1', '192.0.2.1', '192.0.2.1:11625'];
    expect(uniqueTargets(spellings.map(parseTarget)).map(formatTarget)).toEqual([
      'Core.example:11625',
      '[2001:db8::1]:11625',
      '192.0.2.1:11625',
    ]);
  });

  it('are different if port, zone or type of host differ', () => {
    const different = ['a.example:1', 'a.example:2', 'fe80::1%eth0', 'fe80::1%eth1', 'fe80::1', '192.0.2.1', 'c0000201'];
    expect(new Set(different.map((text) => targetKey(parseTarget(text)))).size).toBe(different.length);
  });
});
