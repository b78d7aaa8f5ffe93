import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { type ResolvedModel, resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { expect, test } from 'vitest';
import { toParams } from './to-params.ts';

const model = (name: string): ResolvedModel => {
  const resolved = resolveModel(name);
  if (resolved === undefined) throw new Error(`no model ${name}`);
  return resolved;
};
const hello: Generation = { messages: [{ role: 'user', text: 'Hello' }] };

test('the least there is: only max_tokens is added, which Anthropic demands', () => {
  expect(toParams(model('claude-sonnet-4-5'), hello)).toEqual({
    model: 'claude-sonnet-4-5',
    stream: true,
    max_tokens: 64_000,
    messages: [{ role: 'user', content: 'Hello' }],
  });
});

test('the most there is', () => {
  const generation: Generation = {
    system: 'Be brief.',
    messages: [
      { role: 'user', text: 'Hello' },
      { role: 'assistant', text: 'Hi.' },
      { role: 'user', text: 'Go on' },
    ],
    maxTokens: 100,
    temperature: 0,
    topP: 0.5,
    stop: ['END'],
  };
  expect(toParams(model('claude-3-haiku'), generation)).toEqual({
    model: 'claude-3-haiku-20240307',
    stream: true,
    max_tokens: 100,
    system: 'Be brief.',
    messages: [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hi.' },
      { role: 'user', content: 'Go on' },
    ],
    temperature: 0,
    top_p: 0.5,
    stop_sequences: ['END'],
  });
});

test.for([
  ['claude-3-haiku', 4096],
  ['claude-opus-4-1', 32_000],
  ['claude-sonnet-4-6', 4096], // its limit is not in our table
  ['anthropic/claude-of-tomorrow', 4096],
] as const)('without a limit of the client, %s gets %i tokens', ([name, limit]) => {
  expect(toParams(model(name), hello).max_tokens).toBe(limit);
});

test.for([
  ['claude-sonnet-4-5', true],
  ['anthropic/claude-of-tomorrow', true],
  ['claude-opus-4-7', false],
  ['claude-sonnet-5', false],
] as const)('%s takes sampling parameters: %s', ([name, takes]) => {
  const params = toParams(model(name), { ...hello, temperature: 0.7, topP: 0.9 });
  expect(['temperature' in params, 'top_p' in params]).toEqual([takes, takes]);
});
