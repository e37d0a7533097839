/**
 * The form of XDR-JSON, for the verbs that print messages.
 * @module
 */
import type { ArgsDef } from 'citty';
import { JSON_FORMS, type JsonForm } from '../report/xdr-json.ts';
import { UsageError } from './options.ts';

/** --json-form. */
export const jsonFormArg = {
  'json-form': {
    type: 'string',
    description: 'XDR-JSON of messages: sep-51, or stellar-xdr as SDF’s Rust tools read and write it (sep-51)',
    valueHint: 'FORM',
  },
} as const satisfies ArgsDef;

/** @throws {UsageError} lists the known forms */
export function readJsonForm(text = 'sep-51'): JsonForm {
  const form = JSON_FORMS.find((one) => one === text);
  if (form === undefined) throw new UsageError(`--json-form: choose from ${JSON_FORMS.join(', ')}`);
  return form;
}
