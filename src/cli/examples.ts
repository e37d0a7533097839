/**
 * The parts of `VERB --help` other than the options: usage, examples, and the meaning of the exit codes.
 * @module
 */

/** The help of one verb. */
export interface VerbHelp {
  /** The arguments, without the options. */
  readonly usage: readonly string[];
  /** Arguments after `stellar-handshake`, and their effect. */
  readonly examples: readonly (readonly [args: string, does: string])[];
  /** Exit codes of this verb, besides those of every verb; with a text where the meaning is special. */
  readonly exits: readonly (number | readonly [code: number, meaning: string])[];
}

/** The meaning of each exit code in a line. docs/cli.md lists the causes of each. */
export const EXIT_MEANING: Readonly<Record<number, string>> = {
  0: 'success',
  1: 'a bug of this program',
  2: 'wrong usage',
  3: 'no connection: name not found, refused, unreachable',
  4: 'no answer in time, or closed without a message',
  5: 'the peer refused us with an ERROR_MSG',
  6: 'the peer is not what it claims: certificate, MAC, sequence, malformed bytes',
  8: 'output could not be written',
  130: 'interrupted',
};

/** Codes of every verb. */
export const COMMON_EXITS: readonly number[] = [0, 1, 2, 8, 130];

const DIALLING = [3, 4, 5, 6] as const;

/** By verb. */
export const VERB_HELP: Readonly<Record<string, VerbHelp>> = {
  probe: {
    usage: ['probe HOST[:PORT]…', 'HOST[:PORT]'],
    examples: [
      ['core.example.org --network testnet', 'can this node be reached?'],
      ['probe --targets nodes.txt --json', 'many nodes, one line of JSON each'],
      ['probe core.example.org --policy node.json --junit out.xml', 'as a test in CI'],
    ],
    exits: [...DIALLING, [7, 'several targets: at least one failed; or a rule of --policy is broken']],
  },
  explain: {
    usage: ['explain [HOST[:PORT]]', 'explain --from FILE'],
    examples: [
      ['explain', 'a handshake with a peer inside this process'],
      ['explain core.example.org --html handshake.html', 'a handshake with a node, as a page'],
      ['explain --from node.pcap --html handshake.html', 'a page of a capture'],
    ],
    exits: [...DIALLING],
  },
  listen: {
    usage: ['listen [HOST:]PORT'],
    examples: [
      ['listen 11625 --network standalone', 'accept connections on 127.0.0.1'],
      ['listen 0.0.0.0:11625 --json', 'on every address, as JSON'],
    ],
    exits: [[3, 'the address cannot be listened on']],
  },
  watch: {
    usage: ['watch HOST[:PORT]'],
    examples: [
      ['watch core.example.org --type SCP_MESSAGE --verify', 'statements, with their signatures checked'],
      ['watch core.example.org --for 1m --json', 'all messages of one minute, as JSON'],
    ],
    exits: [3, 4, 5, [6, 'the peer is not what it claims; with --verify: a forged SCP signature']],
  },
  crawl: {
    usage: ['crawl HOST[:PORT]…', 'crawl diff OLD NEW', 'crawl export FILE'],
    examples: [
      ['crawl core.example.org --out crawl.jsonl --html crawl.html', 'walk pubnet'],
      ['crawl --resume crawl.jsonl', 'continue an interrupted crawl'],
    ],
    exits: [[3, 'no target answered: the code of the first target, as for probe; the same for 4 to 6'], ...DIALLING.slice(1)],
  },
  'crawl diff': {
    usage: ['crawl diff OLD NEW'],
    examples: [['crawl diff monday.jsonl tuesday.jsonl --fail-on-change', 'did anything change?']],
    exits: [[7, 'with --fail-on-change: something changed']],
  },
  'crawl export': {
    usage: ['crawl export FILE'],
    examples: [['crawl export crawl.jsonl --html c.html --graphml c.graphml', 'a page and a graph of a crawl']],
    exits: [],
  },
  follow: {
    usage: ['follow HOST[:PORT]…', 'follow verify FILE'],
    examples: [
      ['follow core.example.org --quorum-set stellar-core.cfg', 'print the ledgers that your quorum set closes'],
      ['follow core.example.org --quorum-set q.json --json --proof', 'the same, with a proof of each'],
      ['follow verify ledgers.jsonl --quorum-set qset.json', 'check these proofs again'],
    ],
    exits: [3, 4, 5, [6, 'an alarm: validators contradict each other; or a proof is not valid']],
  },
  submit: {
    usage: ['submit HOST[:PORT]… FILE'],
    examples: [['submit core.example.org tx.xdr --quorum-set qset.json', 'send it and wait until a ledger contains it']],
    exits: [3, [4, 'no ledger contained it before --timeout'], [5, 'it has expired, or every node refused us'], 6],
  },
  audit: {
    usage: ['audit HOST[:PORT]', 'audit --listen [HOST:]PORT'],
    examples: [
      ['audit 127.0.0.1:11625 --network standalone', 'audit a node of yours'],
      ['audit --listen 11700 --network standalone --junit out.xml', 'audit a client that dials'],
      ['audit --list --only mac', 'list the cases with their reasons'],
    ],
    exits: [3, 4, 5, 6, [7, 'a case failed; with --strict also when it differs']],
  },
  decode: {
    usage: ['decode FILE'],
    examples: [
      ['decode node.pcap --keylog keys.txt', 'messages with their MACs verified'],
      ['decode - --hex < record.hex', 'every byte with its field'],
    ],
    exits: [[6, 'bytes in it are damaged, out of sequence or have a bad MAC']],
  },
  exporter: {
    usage: ['exporter'],
    examples: [
      ['exporter', 'on 127.0.0.1:11627, for globally routable nodes'],
      ['exporter --listen 127.0.0.1:9100 --allow 10.0.0.0/8', 'for nodes of a private network'],
    ],
    exits: [[3, 'the address cannot be listened on']],
  },
  keygen: {
    usage: ['keygen FILE'],
    examples: [['keygen node.seed', 'write the S… seed to the file, print its G… key']],
    exits: [],
  },
};
