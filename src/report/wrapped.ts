/**
 * Text in lines that a terminal of 80 columns shows whole.
 * @module
 */

/** Columns of a terminal that nobody has made wider. */
export const COLUMNS = 80;

/** Lines of at most 80 columns, each behind so many spaces, broken between words. A word that is longer stands alone. */
export function wrapped(text: string, indent: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines.map((each) => ' '.repeat(indent) + each);
}
