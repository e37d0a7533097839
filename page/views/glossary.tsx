/**
 * Explains the words of the page in a sentence each, and shows the protocol document.
 * @module
 */
import type { JSX } from 'preact';
import protocolMarkdown from '../../docs/protocol.md?raw';
import { Section } from './text.tsx';

/** A word, what it means here, the section of the protocol document, and the standard that defines it. */
interface Word {
  readonly word: string;
  readonly meaning: string;
  readonly section: string;
  readonly rfc?: number;
}

const WORDS: readonly Word[] = [
  {
    word: 'AuthCert',
    meaning: 'An ECDH key and its expiration, both signed by the node’s identity for one network.',
    section: 'AuthCert',
  },
  {
    word: 'ECDH, X25519',
    meaning: 'Each side combines its own secret key with the public key of the other, and both get the same secret value.',
    section: 'Shared key and MAC keys',
    rfc: 7748,
  },
  {
    word: 'ed25519',
    meaning:
      'The signature of a node’s identity. Everyone can verify it with the public key; only the holder of the seed can make it.',
    section: 'Identity and ECDH key',
    rfc: 8032,
  },
  {
    word: 'HKDF',
    meaning: 'Derives keys from a shared secret, here with HMAC-SHA256: Extract gives the shared key, Expand the two MAC keys.',
    section: 'Shared key and MAC keys',
    rfc: 5869,
  },
  {
    word: 'MAC, HMAC-SHA256',
    meaning:
      'Message authentication code: 32 bytes that only the holders of the key can make for these bytes. It proves who sent them and that nobody changed them. It does not encrypt them.',
    section: 'MAC and sequence',
    rfc: 2104,
  },
  {
    word: 'networkID',
    meaning: 'SHA-256 of the network’s passphrase. Nodes of different networks do not talk to each other.',
    section: 'Keys',
  },
  {
    word: 'nonce',
    meaning: '32 random bytes of one connection. They make its MAC keys different from all others.',
    section: 'HELLO',
  },
  {
    word: 'peerID',
    meaning: 'The identity of a node: its ed25519 public key, written as G and 55 more characters.',
    section: 'Identity and ECDH key',
  },
  {
    word: 'record',
    meaning: 'A message on the wire: 4 bytes with its length, then the message.',
    section: 'Records',
    rfc: 5531,
  },
  {
    word: 'sequence',
    meaning: 'The number of a message on its connection in its direction, from 0.',
    section: 'MAC and sequence',
  },
  { word: 'XDR', meaning: 'How structures are written as bytes: big-endian, in units of 4 bytes.', section: 'XDR', rfc: 4506 },
];

/** The sections of docs/protocol.md, in order: heading and text. */
const SECTIONS: readonly (readonly [heading: string, text: string])[] = protocolMarkdown
  .split(/^#{2,3} /m)
  .slice(1)
  .map((part) => {
    const end = part.indexOf('\n');
    return [part.slice(0, end), part.slice(end).trim()];
  });

function idOf(heading: string): string {
  return `protocol-${heading.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
}

/** A link to a section of the protocol document in the page. @param isStop false: the Tab key skips the link */
export function ProtocolLink(props: { readonly section: string; readonly isStop?: boolean }): JSX.Element {
  const { section, isStop = true } = props;
  const id = idOf(section);
  const open = (): void => {
    const found = document.getElementById(id);
    if (found instanceof HTMLDetailsElement) found.open = true;
  };
  return (
    <a href={`#${id}`} onClick={open} {...(!isStop && { tabIndex: -1 })}>
      {section}
    </a>
  );
}

/** The list of words with their meanings. */
export function Glossary(): JSX.Element {
  return (
    <Section id="glossary" title="Words">
      <dl class="glossary">
        {WORDS.map(({ word, meaning, section, rfc }) => (
          <div key={word}>
            <dt>{word}</dt>
            <dd>
              {meaning}{' '}
              <span class="quiet">
                protocol.md, <ProtocolLink section={section} />
                {rfc !== undefined && (
                  <>
                    ; <a href={`https://www.rfc-editor.org/rfc/rfc${rfc}`}>RFC {rfc}</a>
                  </>
                )}
              </span>
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

/** The protocol document as it is in the package. */
export function Protocol(): JSX.Element {
  return (
    <Section id="protocol" title="The protocol" lead="The document docs/protocol.md of the package, section by section.">
      {SECTIONS.map(([heading, text]) => (
        <details key={heading} id={idOf(heading)} class="document">
          <summary>{heading}</summary>
          <pre>{text}</pre>
        </details>
      ))}
    </Section>
  );
}
