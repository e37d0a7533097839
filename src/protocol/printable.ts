/**
 * Text that somebody else wrote, made harmless: the one place. It is down here because the page of `explain` needs it, too.
 * @module
 */

/** Controls, C0 and C1; invisible format characters, those that change the direction of text among them; line separators; halves of characters. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffd]/gu;
/** What of these JSON.stringify leaves as it is. */
const HIDDEN_IN_JSON = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * One line of text in which every control and every invisible character is shown as `·`: it could move the cursor, reverse
 * the line, or begin a line of its own.
 */
export function printable(text: string): string {
  return text.replace(HIDDEN, '·');
}

/**
 * JSON in which these characters are escaped: it means the same, and no terminal obeys it.
 * @param indent so many spaces a level; in one line without
 */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(HIDDEN_IN_JSON, escaped);
}

/** A character as JSON escapes it, by UTF-16 unit. */
export function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
    '',
  );
}
