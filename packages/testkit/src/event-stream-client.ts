/** One frame of server-sent events, as it came. */
export interface StreamFrame {
  id: number;
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into data whose shape is what they assert
  data: any;
  /** The bytes of the frame. */
  text: string;
}

export interface OpenedStream {
  status: number;
  headers: Headers;
  /** The next frame; undefined when the stream has ended. Comments and hints are passed over. */
  next(): Promise<StreamFrame | undefined>;
  /** Everything up to the end, or up to `count` frames. */
  take(count?: number): Promise<StreamFrame[]>;
  /** Leaves, as a client does whose connection breaks. */
  close(): void;
  /** The body of an answer that is no stream. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  json(): Promise<any>;
}

/** Opens a stream of server-sent events with plain fetch. */
export async function openStream(url: string, init: RequestInit = {}): Promise<OpenedStream> {
  const leaving = new AbortController();
  const response = await fetch(url, { ...init, signal: leaving.signal });
  const frames = framesOf(response.body);
  const next = async () => {
    const step = await frames.next();
    return step.done ? undefined : step.value;
  };
  return {
    status: response.status,
    headers: response.headers,
    next,
    async take(count = Number.POSITIVE_INFINITY) {
      const taken: StreamFrame[] = [];
      while (taken.length < count) {
        const frame = await next();
        if (!frame) break;
        taken.push(frame);
      }
      return taken;
    },
    close: () => leaving.abort(),
    json: () => response.json(),
  };
}

/** POST /v1/generate of a gateway, streamed. */
export const streamGenerate = (url: string, body: object, headers: Record<string, string> = {}) =>
  openStream(`${url}/v1/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ ...body, stream: true }),
  });

async function* framesOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<StreamFrame> {
  if (!body) return;
  const decoder = new TextDecoder();
  let buffer = '';
  for await (const chunk of body) {
    buffer += decoder.decode(chunk, { stream: true });
    for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
      const text = buffer.slice(0, end + 2);
      buffer = buffer.slice(end + 2);
      const frame = parse(text);
      if (frame) yield frame;
    }
  }
}

function parse(text: string): StreamFrame | undefined {
  const fields = new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(':'))
      .map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  const data = fields.get('data');
  if (data === undefined) return undefined;
  return { id: Number(fields.get('id')), event: fields.get('event') ?? '', data: JSON.parse(data), text };
}
