/**
 * Makes text from other sources safe to print: the only place for it. It is in this folder because the page of `explain` needs
 * it too.
 * @module
 */

/**
 * Control characters (C0 and C1); invisible format characters, including those that change the direction of text; line
 * separators; lone surrogates.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffd]/gu;
/** Those of these characters that JSON.stringify does not escape. */
const HIDDEN_IN_JSON = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * One line of text in which every control or invisible character is replaced by `·`. Otherwise it could move the cursor,
 * reverse the line, or start a new line.
 */
export function printable(text: string): string {
  return text.replace(HIDDEN, '·');
}

/**
 * JSON in which these characters are escaped: the meaning is the same, and a terminal does not interpret them.
 * @param indent number of spaces per level; one line without it
 */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(HIDDEN_IN_JSON, escaped);
}

/** The JSON escapes of a character, one for each UTF-16 unit. */
export function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
    '',
  );
}
