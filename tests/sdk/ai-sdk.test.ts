import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import {
  APICallError,
  embed,
  embedMany,
  generateObject,
  generateText,
  isStepCount,
  Output,
  streamText,
  tool,
} from 'ai';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { claude, gpt } from './clients.ts';
import { png } from './media.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();
beforeAll(() => {
  // It prints what it would rather have been given.
  Reflect.set(globalThis, 'AI_SDK_LOG_WARNINGS', false);
});

const openai = () => createOpenAI({ baseURL: `${world.url}/v1`, apiKey: 'no-key-needed' });
const anthropic = () => createAnthropic({ baseURL: `${world.url}/v1`, apiKey: 'no-key-needed' });

const providers = {
  'openai.chat': (model: string) => openai().chat(model),
  'openai.responses': (model: string) => openai().responses(model),
  anthropic: (model: string) => anthropic()(model),
};
const cases = (Object.keys(providers) as (keyof typeof providers)[]).flatMap((provider) =>
  [gpt, claude].map((model) => ({ provider, model })),
);

const schema = z.object({ city: z.string(), days: z.number().int() });
const fitting = { city: 'sandbox city', days: expect.any(Number) };
const weather = (seen: unknown[]) =>
  tool({
    description: 'The weather of a city',
    inputSchema: schema,
    execute: async (input) => {
      seen.push(input);
      return { sky: 'clear' };
    },
  });

describe.for(cases)('the AI SDK with $provider and $model', ({ provider, model: name }) => {
  const model = () => providers[provider](name);
  const common = () => ({ model: model(), maxRetries: 0 });

  test('generates text, and counts what was charged', async () => {
    const errand = world.errand();
    const result = await generateText({
      ...common(),
      instructions: 'Be brief.',
      prompt: 'Hello there',
      headers: errand.options.headers,
    });
    expect(result.text).toContain(`[sandbox] ${name} heard "Hello there"`);
    expect(result.finishReason).toBe('stop');
    await world.expectBilled(errand, { prompt: result.usage.inputTokens, completion: result.usage.outputTokens });
    expect(JSON.stringify((await world.callFor(errand)).body)).toContain('Be brief.');
  });

  test('streams the same text, piece by piece', async () => {
    const whole = await generateText({ ...common(), prompt: 'Stream this' });
    const errand = world.errand();
    const result = streamText({ ...common(), prompt: 'Stream this', headers: errand.options.headers });
    const pieces = await take(result.textStream);
    expect(pieces.join('')).toBe(whole.text);
    expect(await result.finishReason).toBe('stop');
    const usage = await result.usage;
    await world.expectBilled(errand, { prompt: usage.inputTokens, completion: usage.outputTokens });
  });

  test('goes through a loop of tools, whole and streamed', async () => {
    const seen: unknown[] = [];
    const options = {
      ...common(),
      prompt: 'How is it? [[tool]]',
      tools: { weather: weather(seen) },
      stopWhen: isStepCount(3),
    };
    const whole = await generateText(options);
    expect(whole.steps).toHaveLength(2);
    expect(whole.steps[0]?.finishReason).toBe('tool-calls');
    expect(whole.text).toContain('clear');
    const streamed = streamText(options);
    expect(await streamed.text).toBe(whole.text);
    expect(seen).toEqual([fitting, fitting]);
  });

  test('has several tools called at once, and one that it must', async () => {
    const tools = { weather: weather([]), time: weather([]) };
    const both = await generateText({ ...common(), prompt: 'Both [[tools]]', tools });
    expect(both.toolCalls.map(({ toolName }) => toolName)).toEqual(['weather', 'time']);
    const toolChoice = { type: 'tool' as const, toolName: 'time' as const };
    const forced = await generateText({ ...common(), prompt: 'Just talk', tools, toolChoice });
    expect(forced.toolCalls).toMatchObject([{ toolName: 'time', input: fitting }]);
  });

  test('generates objects that fit a schema', async () => {
    const { output } = await generateText({ ...common(), prompt: 'In order', output: Output.object({ schema }) });
    expect(output).toEqual(fitting);
    const { object } = await generateObject({ ...common(), prompt: 'In order', schema });
    expect(object).toEqual(fitting);
    const streamed = streamText({ ...common(), prompt: 'In order', output: Output.object({ schema }) });
    expect((await take(streamed.partialOutputStream)).at(-1)).toEqual(fitting);
  });

  test('shows images', async () => {
    const errand = world.errand();
    const content = [
      { type: 'text' as const, text: 'What is this?' },
      { type: 'image' as const, image: Buffer.from(png, 'base64') },
    ];
    const { text } = await generateText({
      ...common(),
      messages: [{ role: 'user', content }],
      headers: errand.options.headers,
    });
    expect(text).toContain('heard "What is this?"');
    expect(JSON.stringify((await world.callFor(errand)).body)).toContain(png);
  });

  test('is told the reason of an end for its length', async () => {
    const { finishReason, usage } = await generateText({ ...common(), prompt: 'Long', maxOutputTokens: 16 });
    expect({ finishReason, tokens: usage.outputTokens }).toEqual({ finishReason: 'length', tokens: 16 });
  });

  test('throws its own error for a refused request, and for a stream that breaks off', async () => {
    const refused = generateText({ ...common(), model: providers[provider]('no-such-model'), prompt: 'Hello' });
    await expect(refused).rejects.toSatisfy((error) => APICallError.isInstance(error) && error.statusCode === 404);
    const broken = providers[provider](`${name === gpt ? 'openai' : 'anthropic'}/sandbox/drip-80+error-event`);
    const errors: unknown[] = [];
    const stream = streamText({
      ...common(),
      model: broken,
      prompt: 'Hello',
      onError: ({ error }) => void errors.push(error),
    });
    await stream.consumeStream();
    expect(errors).toHaveLength(1);
  });
});

test('the AI SDK embeds one text and many', async () => {
  const model = openai().embedding('text-embedding-3-small');
  const one = await embed({ model, value: 'A text' });
  expect(one.embedding).toHaveLength(1536);
  expect(one.usage.tokens).toBeGreaterThan(0);
  const many = await embedMany({ model, values: ['A text', 'Another'] });
  expect(many.embeddings).toHaveLength(2);
  expect(many.embeddings[0]?.[0]).toBeCloseTo(one.embedding[0] ?? NaN, 6);
});
