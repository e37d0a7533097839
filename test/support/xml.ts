/** Reads XML strictly enough to know that it is well-formed: elements, attributes in double quotes, text, numeric references. */

/** An element, in the order of start tags. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const NAME = '[A-Za-z_][\\w.-]*';
const TAG = new RegExp(`^<(/?)(${NAME})((?: ${NAME}="[^"<]*")*)(/?)>`);
const ATTRIBUTE = new RegExp(` (${NAME})="([^"]*)"`, 'g');

/** All elements of a document. @throws {Error} when it is not well-formed */
export function xmlElements(xml: string): XmlElement[] {
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
  if (!xml.startsWith(declaration)) throw new Error('no XML declaration');
  const elements: XmlElement[] = [];
  const open: string[] = [];
  let rest = xml.slice(declaration.length);
  while (rest !== '') {
    if (!rest.startsWith('<')) {
      const end = rest.indexOf('<');
      const between = end < 0 ? rest : rest.slice(0, end);
      if (open.length === 0 && between.trim() !== '') throw new Error(`text outside the root: ${between}`);
      decode(between);
      rest = rest.slice(between.length);
      continue;
    }
    const tag = TAG.exec(rest);
    if (tag === null) throw new Error(`not a tag: ${rest.slice(0, 80)}`);
    const [whole, closing, name = '', attributes = '', empty] = tag;
    if (closing) {
      if (open.pop() !== name) throw new Error(`</${name}> closes another element`);
    } else {
      if (open.length === 0 && elements.length > 0) throw new Error('a second root');
      elements.push({ name, attributes: attributesOf(attributes) });
      if (!empty) open.push(name);
    }
    rest = rest.slice(whole.length);
  }
  if (open.length > 0 || elements.length === 0) throw new Error(`not closed: ${open.join(', ')}`);
  return elements;
}

function attributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(ATTRIBUTE)) {
    if (Object.hasOwn(attributes, name)) throw new Error(`${name} twice`);
    attributes[name] = decode(value);
  }
  return attributes;
}

/** Text with its references resolved. XML 1.0 §2.2 defines the allowed characters. */
function decode(text: string): string {
  const wrong = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]|&(?!#\d+;)/u.exec(text);
  if (wrong !== null) throw new Error(`not XML: ${JSON.stringify(wrong[0])}`);
  return text.replace(/&#(\d+);/g, (_all, code: string) => String.fromCodePoint(Number(code)));
}
