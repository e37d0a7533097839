/**
 * Text wrapped to the 80 columns of a terminal.
 * @module
 */

/** Default width of a terminal, in columns. */
export const COLUMNS = 80;

/** Lines of at most 80 columns with this indent, broken between words. A longer word has its own line. */
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
