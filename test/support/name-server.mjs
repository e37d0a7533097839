/** A name server on 127.0.0.54 for records given as JSON: {"a.example": {"A": "127.0.0.1", "AAAA": null}}; null is never answered. */
import { createSocket } from 'node:dgram';

const records = JSON.parse(process.argv[2]);
const TYPES = { 1: 'A', 28: 'AAAA' };

const server = createSocket('udp4', (question, from) => {
  const labels = [];
  let at = 12;
  for (let length = question[at]; length > 0; length = question[at]) {
    labels.push(question.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const end = at + 5;
  const record = records[labels.join('.').toLowerCase()];
  const address = record?.[TYPES[question.readUInt16BE(at + 1)]];
  if (address === null) return;
  const header = Buffer.from(question.subarray(0, 12));
  // An answer, recursion available; NXDOMAIN for a name that is not there.
  header.writeUInt16BE(0x8180 | (record === undefined ? 3 : 0), 2);
  header.writeUInt16BE(address === undefined ? 0 : 1, 6);
  header.fill(0, 8);
  const parts = [header, question.subarray(12, end)];
  if (address !== undefined) {
    const bytes = bytesOf(address);
    const fixed = Buffer.from([0xc0, 12, ...question.subarray(at + 1, at + 5), 0, 0, 0, 60, 0, bytes.length]);
    parts.push(fixed, bytes);
  }
  server.send(Buffer.concat(parts), from.port, from.address);
});

/** Dotted quad, or eight groups of IPv6 in full. */
function bytesOf(address) {
  if (address.includes('.')) return Buffer.from(address.split('.').map(Number));
  return Buffer.concat(address.split(':').map((group) => Buffer.from(group.padStart(4, '0'), 'hex')));
}

server.bind(53, '127.0.0.54', () => console.log('ready'));
