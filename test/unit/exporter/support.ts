/** An exporter in this process, and its answers. */
import { type Exporter, type ExporterOptions, startExporter } from '../../../src/exporter/server.ts';
import { type Listener, listen, networks } from '../../../src/index.ts';
import { AllowList } from '../../../src/net/allow-list.ts';
import { type MockNode, type MockScript, mockNode } from '../../../src/testing/index.ts';

export const network = networks.standalone;

/** An exporter that may probe this machine. */
export function exporter(options: Partial<ExporterOptions> = {}): Promise<Exporter> {
  return startExporter({
    node: { network },
    host: '127.0.0.1',
    port: 0,
    allowList: new AllowList(['127.0.0.0/8']),
    ...options,
  });
}

/** A correct node. It reads from each peer until the peer closes. */
export async function goodNode(options: Partial<Parameters<typeof listen>[0]> = {}): Promise<Listener> {
  return listen({
    network,
    port: 0,
    ...options,
    onEvent: (event) => {
      if (event.event === 'authenticated') void drain(event.connection);
      options.onEvent?.(event);
    },
  });
}

async function drain(messages: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const _message of messages);
  } catch {
    // The peer has closed.
  }
}

export function mock(script: MockScript): Promise<MockNode> {
  return mockNode({ network }, script);
}

/** An HTTP answer. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Samples by name and labels as they are written. */
  readonly samples: ReadonlyMap<string, number>;
}

export async function ask({ port }: Exporter, path: string, init: RequestInit = {}): Promise<Answered> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  const text = await response.text();
  const samples = new Map(
    text.split('\n').flatMap((line) => {
      const match = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line);
      return match === null ? [] : [[match[1] as string, Number(match[2])] as const];
    }),
  );
  return { status: response.status, headers: response.headers, text, samples };
}

/** Asks for a probe of a node on this machine. */
export function probeOf(
  asked: Exporter,
  { port }: { readonly port: number },
  more = '',
  init: RequestInit = {},
): Promise<Answered> {
  return ask(asked, `/probe?target=127.0.0.1:${port}${more}`, init);
}

/** The scrape timeout of Prometheus, in seconds. */
export function waits(seconds: string): RequestInit {
  return { headers: { 'X-Prometheus-Scrape-Timeout-Seconds': seconds } };
}
