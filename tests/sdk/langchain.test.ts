import { ChatAnthropic } from '@langchain/anthropic';
import {
  type AIMessageChunk,
  HumanMessage,
  SystemMessage,
  ToolMessage,
  type UsageMetadata,
} from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { concat } from '@langchain/core/utils/stream';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { claude, gpt } from './clients.ts';
import { take } from './take.ts';
import { type Errand, useGateway } from './use-gateway.ts';

const world = useGateway();

const apiKey = 'no-key-needed';
const openAIOf = (model: string, useResponsesApi: boolean, errand: Errand) =>
  new ChatOpenAI({
    model,
    apiKey,
    maxRetries: 0,
    useResponsesApi,
    configuration: { baseURL: `${world.url}/v1`, defaultHeaders: errand.options.headers },
  });

const makers = {
  ChatOpenAI: (model: string, errand: Errand) => openAIOf(model, false, errand),
  'ChatOpenAI over responses': (model: string, errand: Errand) => openAIOf(model, true, errand),
  ChatAnthropic: (model: string, errand: Errand) =>
    new ChatAnthropic({
      model,
      apiKey,
      maxRetries: 0,
      maxTokens: 500,
      anthropicApiUrl: world.url,
      clientOptions: { defaultHeaders: errand.options.headers },
    }),
};
const cases = (Object.keys(makers) as (keyof typeof makers)[]).flatMap((maker) =>
  [gpt, claude].map((model) => ({ maker, model })),
);

/** The type of a message that is made of others has lost it. */
const usageOf = (message: { usage_metadata?: unknown } | undefined) =>
  message?.usage_metadata as UsageMetadata | undefined;

const schema = z.object({ city: z.string(), days: z.number() });
const fitting = { city: 'sandbox city', days: expect.any(Number) };
const weather = tool(async ({ city }) => `Sunny in ${city}`, { name: 'weather', description: 'The weather', schema });
const time = tool(async () => 'Noon', { name: 'time', description: 'The time', schema });

describe.for(cases)('LangChain, $maker with $model', ({ maker, model }) => {
  const chat = (errand = world.errand()) => makers[maker](model, errand);

  test('invokes, and counts what was charged', async () => {
    const errand = world.errand();
    const answer = await chat(errand).invoke([new SystemMessage('Be brief.'), new HumanMessage('Hello there')]);
    expect(answer.text).toContain(`[sandbox] ${model} heard "Hello there"`);
    const counted = usageOf(answer);
    await world.expectBilled(errand, { prompt: counted?.input_tokens, completion: counted?.output_tokens });
    expect(JSON.stringify((await world.callFor(errand)).body)).toContain('Be brief.');
  });

  test('streams the same text, piece by piece, with what was charged', async () => {
    const whole = await chat().invoke('Stream this');
    const errand = world.errand();
    const pieces: AIMessageChunk[] = await take(await chat(errand).stream('Stream this'));
    const built = pieces.reduce((sum, piece) => concat(sum, piece));
    expect(built.text).toBe(whole.text);
    const counted = usageOf(built);
    // Of Anthropic's running totals, LangChain adds the one at the start to the one at the end.
    const opening = maker === 'ChatAnthropic' ? (usageOf(pieces[0])?.output_tokens ?? 0) : 0;
    const completion = (counted?.output_tokens ?? 0) - opening;
    // And it reads those of the prompt only at the start, where OpenAI has not told them yet.
    const isTold = maker !== 'ChatAnthropic' || model === claude;
    if (isTold) await world.expectBilled(errand, { prompt: counted?.input_tokens, completion });
    else expect((await world.callFor(errand)).completion_tokens).toBe(completion);
  });

  test('binds tools, has them called, and hears what they return', async () => {
    const bound = chat().bindTools([weather, time]);
    const question = new HumanMessage('Both of them [[tools]]');
    const calling = await bound.invoke([question]);
    expect(calling.tool_calls).toMatchObject([
      { name: 'weather', args: fitting },
      { name: 'time', args: fitting },
    ]);
    const results = (calling.tool_calls ?? []).map(
      ({ id = '' }, index) => new ToolMessage({ tool_call_id: id, content: `Result ${index}` }),
    );
    const errand = world.errand();
    const answer = await chat(errand)
      .bindTools([weather, time])
      .invoke([question, calling, ...results]);
    expect(answer.text).toContain('[sandbox]');
    expect(JSON.stringify((await world.callFor(errand)).body)).toMatch(/Result 0.*Result 1/);
  });

  test('puts streamed tool calls together', async () => {
    const pieces: AIMessageChunk[] = await take(await chat().bindTools([weather, time]).stream('Both [[tools]]'));
    const built = pieces.reduce((sum, piece) => concat(sum, piece));
    expect(built.tool_calls).toMatchObject([
      { name: 'weather', args: fitting },
      { name: 'time', args: fitting },
    ]);
  });

  test('gives structured output', async () => {
    expect(await chat().withStructuredOutput(schema, { name: 'place' }).invoke('In order')).toEqual(fitting);
    const byTool = chat().withStructuredOutput(schema, { name: 'place', method: 'functionCalling' });
    expect(await byTool.invoke('In order')).toEqual(fitting);
    const bySchema = chat().withStructuredOutput(schema, { name: 'place', method: 'jsonSchema' });
    expect(await bySchema.invoke('In order')).toEqual(fitting);
  });

  test('throws where the request is refused', async () => {
    const refused = makers[maker]('no-such-model', world.errand()).invoke('Hello');
    await expect(refused).rejects.toMatchObject({ status: 404 });
  });
});

test('LangChain embeds a query and documents', async () => {
  const embeddings = new OpenAIEmbeddings({
    model: 'text-embedding-3-small',
    apiKey,
    dimensions: 64,
    configuration: { baseURL: `${world.url}/v1` },
  });
  const query = await embeddings.embedQuery('A text');
  expect(query).toHaveLength(64);
  const [same, other] = await embeddings.embedDocuments(['A text', 'Another']);
  expect(same).toHaveLength(64);
  expect(same?.[0]).toBeCloseTo(query[0] ?? NaN, 6);
  expect(other?.[0]).not.toBeCloseTo(query[0] ?? NaN, 6);
});
