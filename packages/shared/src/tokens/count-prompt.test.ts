import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Generation } from '../contracts/generation.ts';
import { builtInProviders } from '../contracts/provider-name.ts';
import { countPromptTokens, estimatePromptTokens } from './count-prompt.ts';
import { createTokenCounter } from './token-counter.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());

const hello: Generation = { messages: [{ role: 'user', text: 'hello world' }] };
const schema = { type: 'object', properties: { bear: { type: 'string' } } };
const jsonSchema = { type: 'json_schema', name: 'bears', schema } as const;
const exact = (generation: Generation) => countPromptTokens(generation, counter);

describe('a prompt', () => {
  test.for([
    ['one message', hello, 2 + 3 + 3],
    ['a system text is a message', { ...hello, system: 'hello' }, 3 + 2 * 3 + 3],
    ['and an empty one too', { ...hello, system: '' }, 2 + 2 * 3 + 3],
    [
      'an answer in between',
      { messages: [...hello.messages, { role: 'assistant', text: 'hello' }, ...hello.messages] },
      5 + 3 * 3 + 3,
    ],
    ['options are not counted', { ...hello, maxTokens: 5, stop: ['hello'], responseFormat: { type: 'text' } }, 8],
  ] satisfies [string, Generation, number][])('%s', async ([, generation, tokens]) => {
    expect(await exact(generation)).toBe(tokens);
  });

  test('a schema counts as its JSON', async () => {
    const inText: Generation = { messages: [...hello.messages, { role: 'user', text: JSON.stringify(schema) }] };
    expect(await exact({ ...hello, responseFormat: jsonSchema })).toBe((await exact(inText)) - 3);
  });
});

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.lorem({ maxCount: 20 }),
  fc.stringMatching(/^[ \n\t5{a]{0,40}$/),
  fc.integer({ min: 250, max: 600 }).map((length) => 'x'.repeat(length)),
);
const message = fc.record({ role: fc.constantFrom('user' as const, 'assistant' as const), text });
const prompt: fc.Arbitrary<Generation> = fc
  .record(
    {
      messages: fc.array(message, { minLength: 1, maxLength: 5 }),
      system: text,
      responseFormat: fc.constantFrom({ type: 'json_object' } as const, jsonSchema),
    },
    { requiredKeys: ['messages'] },
  )
  .map((given) => given as Generation);

describe.for([...builtInProviders, 'groq'])('the estimate for %s', (provider) => {
  const estimate = (generation: Generation) => estimatePromptTokens(generation, provider, counter);

  test('is more than the prompt counts', async () => {
    await fc.assert(
      fc.asyncProperty(prompt, async (generation) => {
        expect(await estimate(generation)).toBeGreaterThan(await exact(generation));
      }),
    );
  });

  test('is a number of tokens', async () => {
    await fc.assert(
      fc.asyncProperty(prompt, async (generation) => {
        expect(Number.isSafeInteger(await estimate(generation))).toBe(true);
      }),
    );
  });

  // Not by any text: `internationaliz` is 2 tokens, and `internationalization` is 1.
  test('grows by every word and every message', async () => {
    await fc.assert(
      fc.asyncProperty(prompt, fc.lorem({ maxCount: 5 }), async (generation, words) => {
        const { messages } = generation;
        const shorter = await estimate(generation);
        const last = messages[messages.length - 1];
        const longer = [
          ...messages.slice(0, -1),
          { ...last, text: `${last && 'text' in last ? last.text : ''} ${words}` },
        ];
        expect(await estimate({ ...generation, messages: longer } as Generation)).toBeGreaterThan(shorter);
        const more: Generation = { ...generation, messages: [...messages, { role: 'user', text: words }] };
        expect(await estimate(more)).toBeGreaterThan(shorter);
      }),
    );
  });
});

test('what is set aside for Claude covers what its newest tokenizers were measured to make of code', async () => {
  const python = 'def honey(bears: list[Bear]) -> int:\n    return sum(bear.jars for bear in bears if bear.awake)\n';
  const code: Generation = { messages: [{ role: 'user', text: python.repeat(50) }] };
  // 30 % more than o200k_base for Claude 3.5, and up to 35 % more again since Opus 4.7.
  expect(await estimatePromptTokens(code, 'anthropic', counter)).toBeGreaterThan((await exact(code)) * 1.3 * 1.35);
});
