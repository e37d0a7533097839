import { describe, expect, it } from 'vitest';
import { peerTexts } from '../../../src/probe/peer-texts.ts';
import { stellarMessage } from '../../../src/protocol/wire/messages.ts';
import { XdrWriter } from '../../../src/protocol/xdr/writer.ts';

describe('the addresses of PEERS as text', () => {
  it.each([
    ['0.0.0.0', 0, '0.0.0.0:0'],
    ['9.10.99.100', 9, '9.10.99.100:9'],
    ['255.255.255.255', 65_535, '255.255.255.255:65535'],
    ['127.0.0.1', 4_294_967_295, '127.0.0.1:4294967295'],
    ['::1', 11_625, '[::1]:11625'],
    ['2001:db8::a:0:0:1', 10, '[2001:db8::a:0:0:1]:10'],
    ['::ffff:102:304', 100, '[::ffff:102:304]:100'],
  ])('%s and %i', (ip, port, text) => {
    expect(texts([{ ip, port }])).toEqual([text]);
  });

  it('keep their order, whatever their lengths', () => {
    expect(
      texts([
        { ip: '192.168.100.200', port: 65_535 },
        { ip: '1.2.3.4', port: 5 },
        { ip: '::', port: 1 },
      ]),
    ).toEqual(['192.168.100.200:65535', '1.2.3.4:5', '[::]:1']);
  });

  it('may be none', () => {
    expect(texts([])).toEqual([]);
  });
});

function texts(addresses: readonly { readonly ip: string; readonly port: number }[]): readonly string[] {
  const writer = new XdrWriter();
  stellarMessage.write(writer, { type: 'PEERS', peers: addresses.map((address) => ({ ...address, numFailures: 7 })) });
  return peerTexts({ xdr: writer.take() });
}
