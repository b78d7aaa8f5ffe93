import { Agent, type Dispatcher } from 'undici';

/** How a provider's requests are sent. */
export interface Transport {
  fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Ends every connection; a call still in flight fails. */
  close(): Promise<void>;
}

/** After an answer's end has been understood, this much and this long the rest may be, or its connection goes. */
const restMaxBytes = 16_384;
const restMaxMs = 1000;

/**
 * A `fetch` for the provider SDKs that does what they need of it for a fraction of the CPU that the global one takes
 * (bench/provider-fetch.ts). No redirects: a credential goes where it was configured to go and nowhere else.
 */
export function createUndiciFetch(): Transport {
  // Calls in flight are bounded by the worker's concurrency and ended by its time limits: none of that here.
  const agent = new Agent({ connections: null, pipelining: 1, headersTimeout: 0, bodyTimeout: 0, allowH2: false });
  return {
    async fetch(input, init = {}) {
      const url = new URL(input instanceof Request ? input.url : input);
      const { method = 'GET', headers, body, signal } = init;
      try {
        signal?.throwIfAborted();
        const answered = await agent.request({
          origin: url.origin,
          path: url.pathname + url.search,
          method,
          headers: [...new Headers(headers)].flat(),
          body: asText(body),
          signal: signal ?? null,
        });
        return new LeanResponse(url.href, answered, signal ?? undefined) as unknown as Response;
      } catch (error) {
        throw asFetchError('fetch failed', error, signal);
      }
    },
    close: () => agent.destroy(),
  };
}

/** Both SDKs send JSON as a string; what else there is (files) no provider of ours uploads. */
function asText(body: RequestInit['body']): string | null {
  if (typeof body === 'string' || body === null || body === undefined) return body ?? null;
  throw new TypeError('only a string can be sent as a body');
}

/** An error as the global fetch throws it, which is what the SDKs and `classify` know. */
function asFetchError(message: string, error: unknown, signal: AbortSignal | null | undefined): unknown {
  return signal?.aborted ? signal.reason : new TypeError(message, { cause: error });
}

type Answered = Dispatcher.ResponseData;

/** What both SDKs use of a Response. */
class LeanResponse {
  readonly status: number;
  readonly ok: boolean;
  readonly url: string;
  readonly headers: Headers;
  readonly body: LeanBody;
  readonly #body: Answered['body'];
  readonly #signal: AbortSignal | undefined;

  constructor(url: string, { statusCode, headers, body }: Answered, signal: AbortSignal | undefined) {
    this.status = statusCode;
    this.ok = statusCode >= 200 && statusCode < 300;
    this.url = url;
    this.headers = new Headers();
    for (const [name, value] of Object.entries(headers)) {
      for (const single of [value ?? []].flat()) this.headers.append(name, single);
    }
    this.body = new LeanBody(body, signal);
    this.#body = body;
    this.#signal = signal;
  }

  text(): Promise<string> {
    return this.#whole((body) => body.text());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#whole((body) => body.arrayBuffer());
  }

  async #whole<Whole>(read: (body: Answered['body']) => Promise<Whole>): Promise<Whole> {
    try {
      return await read(this.#body);
    } catch (error) {
      throw asFetchError('terminated', error, this.#signal);
    }
  }
}

/**
 * The chunks of an answer. It is its own iterator on purpose: the SDKs hold a call's abort listener only as long as
 * the body object lives, so whoever reads has to keep that alive.
 */
class LeanBody implements AsyncIterableIterator<Uint8Array> {
  readonly #body: Answered['body'];
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal | undefined;

  constructor(body: Answered['body'], signal: AbortSignal | undefined) {
    this.#body = body;
    this.#chunks = body.iterator({ destroyOnReturn: false });
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#chunks.next();
    } catch (error) {
      throw asFetchError('terminated', error, this.#signal);
    }
  }

  /**
   * The reader has all it wants: OpenAI's stops at `[DONE]`, a few bytes before the end of the response. Reading
   * these keeps the connection for the next call, where cancelling would cost it a new TCP and TLS handshake.
   */
  async return(): Promise<IteratorResult<Uint8Array>> {
    await this.#chunks.return?.();
    const late = setTimeout(() => this.#body.destroy(), restMaxMs).unref();
    this.#body
      .dump({ limit: restMaxBytes })
      .catch(() => undefined)
      .finally(() => clearTimeout(late));
    return { value: undefined, done: true };
  }
}
