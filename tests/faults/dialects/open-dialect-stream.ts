import Anthropic from '@anthropic-ai/sdk';
import { post } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import OpenAI from 'openai';

/** Every dialect with a provider that speaks it, and with one that is reached by translation. */
export const cases = (['chat', 'responses', 'messages'] as const).flatMap((dialect) =>
  (['openai', 'anthropic'] as const).map((provider) => ({ dialect, provider })),
);

export type DialectCase = (typeof cases)[number];

export const nameOf = ({ dialect, provider }: DialectCase) => `${dialect}-${provider}`;

/** What a client does to a stream that it has opened with an official SDK. */
export interface DialectStream {
  jobId: string;
  /** All text so far. */
  text(): string;
  /** The arguments of all calls of tools so far. */
  calls(): string;
  /** Resolves when so many pieces of text have come. */
  pieces(count: number): Promise<void>;
  /** How the stream ended: with the vendor's last event, with an error, or silently, which no client may ever see. */
  end(): Promise<{ how: 'complete' | 'silent' } | { how: 'error'; error: unknown }>;
  /** Every event that came. */
  // biome-ignore lint/suspicious/noExplicitAny: three vendors' events, looked into by tests
  events: any[];
}

interface Asked {
  model: string;
  prompt: string;
  /** Further members of the body. */
  more?: object;
}

interface Ask extends Asked {
  url: string;
  headers?: Record<string, string>;
}

interface Opened {
  stream: AsyncIterable<unknown>;
  response: Response;
}

const vendor = { apiKey: 'no-key-needed', maxRetries: 0 };

/** The path of a dialect. */
export const pathOf = {
  chat: '/v1/chat/completions',
  responses: '/v1/responses',
  messages: '/v1/messages',
} as const;

/** What asks a dialect for an answer. */
export const bodyOf = (dialect: DialectCase['dialect'], { model, prompt, more = {} }: Asked) => ({
  model,
  ...(dialect === 'responses' ? { input: prompt } : { messages: [{ role: 'user' as const, content: prompt }] }),
  ...(dialect === 'messages' ? { max_tokens: 10_000 } : {}),
  ...more,
});

async function open(dialect: DialectCase['dialect'], ask: Ask): Promise<Opened> {
  const options = { headers: ask.headers ?? {} };
  const body = { ...bodyOf(dialect, ask), stream: true as const };
  if (dialect === 'messages') {
    const client = new Anthropic({ ...vendor, baseURL: ask.url });
    const { data, response } = await client.messages.create(body as never, options).withResponse();
    return { stream: data as unknown as AsyncIterable<unknown>, response };
  }
  const client = new OpenAI({ ...vendor, baseURL: `${ask.url}/v1` });
  const asked = dialect === 'chat' ? client.chat.completions.create(body as never, options) : undefined;
  const { data, response } = await (asked ?? client.responses.create(body as never, options)).withResponse();
  return { stream: data as unknown as AsyncIterable<unknown>, response };
}

/** Opens a stream and reads it in the background. */
export async function openDialectStream(dialect: DialectCase['dialect'], ask: Ask): Promise<DialectStream> {
  const { stream, response } = await open(dialect, ask);
  const events: unknown[] = [];
  let pieces = 0;
  let text = '';
  const ended = (async () => {
    try {
      for await (const event of stream) {
        events.push(event);
        const piece = textOf(dialect, event);
        text += piece;
        if (piece !== '') pieces += 1;
      }
      return { how: events.some(isLast) ? 'complete' : 'silent' } as const;
    } catch (error) {
      return { how: 'error', error } as const;
    }
  })();
  return {
    jobId: response.headers.get('x-job-id') ?? '',
    text: () => text,
    calls: () => events.map((event) => callOf(dialect, event)).join(''),
    pieces: async (count) => {
      await waitFor(() => pieces >= count, { what: `${count} pieces of text` });
    },
    end: () => ended,
    events,
  };
}

/** What an event of any of the dialects adds to the text. */
export function textOf(dialect: DialectCase['dialect'], event: unknown): string {
  // biome-ignore lint/suspicious/noExplicitAny: three vendors' events
  const { type, delta, choices } = event as any;
  if (dialect === 'chat') return choices?.[0]?.delta?.content ?? '';
  if (dialect === 'responses') return type === 'response.output_text.delta' ? delta : '';
  return type === 'content_block_delta' ? (delta.text ?? '') : '';
}

/** What an event of any of the dialects adds to the arguments of a call. */
function callOf(dialect: DialectCase['dialect'], event: unknown): string {
  // biome-ignore lint/suspicious/noExplicitAny: three vendors' events
  const { type, delta, choices } = event as any;
  if (dialect === 'chat') return choices?.[0]?.delta?.tool_calls?.[0]?.function?.arguments ?? '';
  if (dialect === 'responses') return type === 'response.function_call_arguments.delta' ? delta : '';
  return type === 'content_block_delta' ? (delta.partial_json ?? '') : '';
}

/** Whether an event is a vendor's word that the answer is complete. */
function isLast(event: unknown): boolean {
  // biome-ignore lint/suspicious/noExplicitAny: three vendors' events
  const { type, choices } = event as any;
  return type === 'response.completed' || type === 'message_stop' || Boolean(choices?.[0]?.finish_reason);
}

/** What the provider says to a request, asked by the provider's own name of the model. */
export async function wholeOf(
  sandboxUrl: string,
  { dialect, provider, ask }: DialectCase & { ask: Asked },
): Promise<string> {
  const own = provider === 'anthropic' ? 'messages' : dialect === 'responses' ? 'responses' : 'chat';
  const model = ask.model.replace(`${provider}/`, '');
  const { body } = await post(`${sandboxUrl}${pathOf[own]}`, bodyOf(own, { ...ask, model }), {
    'x-api-key': 'any',
    authorization: 'Bearer any',
    'x-request-id': 'oracle',
  });
  if (own === 'messages') return body.content[0].text;
  if (own === 'chat') return body.choices[0].message.content;
  return body.output.find(({ type }: { type: string }) => type === 'message').content[0].text;
}

/** What a stream's bytes say, without the comments that keep it alive. */
export const withoutComments = (bytes: string): string => bytes.replaceAll(/^:.*\n\n/gm, '');
