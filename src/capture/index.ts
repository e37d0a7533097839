/**
 * Writes and reads captures of overlay connections. It decodes the bytes of a tcpdump, a recording or a hex dump to records,
 * messages and verdicts about their MACs: the output of the verb `decode`.
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
