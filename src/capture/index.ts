/**
 * Captures of overlay connections, written and read: the bytes of a tcpdump, of a recording or of a dump in hex to records,
 * messages and verdicts about their MACs. The same that the verb `decode` prints.
 * @module stellar-handshake/capture
 */

export type { BytesForm } from './bytes-form.ts';
export { CaptureDecoder, type CaptureSource, type PassedOver } from './capture.ts';
export type { Decoded, DecodedConnection, DecodedProblem, DecodedRecord, MacVerdict, Side } from './decode.ts';
export { decompressed } from './decompress.ts';
export type { TextFormat } from './dump.ts';
export { KeyLog, keyLogLine, type MacKeys } from './keylog.ts';
export type { NoSegment } from './packet.ts';
export { CaptureFileError } from './pcap.ts';
export { RecordingWriter } from './recording.ts';
export { type DecodedRecordJson, decodedRecordJson, describeRecord, hexLines } from './text.ts';
