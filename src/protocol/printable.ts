/**
 * Makes text from other sources safe to print: the only place for it. It is in this folder because the page of `explain` needs
 * it too.
 * @module
 */

/** Text that needs no change. Most text is this, and the classes of Unicode below take V8 a millisecond when first used. */
const PLAIN = /^[ -~]*$/;
/** The same for JSON, of one line or more. */
const PLAIN_JSON = /^[\n -~]*$/;

/**
 * One line of text in which every control or invisible character is replaced by `·`. Otherwise it could move the cursor,
 * reverse the line, or start a new line. These are control characters (C0 and C1); invisible format characters, including those
 * that change the direction of text; line separators; lone surrogates.
 */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffd]/gu, '·');
}

/**
 * JSON in which these characters are escaped: the meaning is the same, and a terminal does not interpret them. JSON.stringify
 * escapes the others of them.
 * @param indent number of spaces per level; one line without it
 */
export function printableJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent);
  return PLAIN_JSON.test(json) ? json : json.replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}

/** The JSON escapes of a character, one for each UTF-16 unit. */
export function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
    '',
  );
}
