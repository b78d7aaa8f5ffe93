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

const find = { name: 'find', description: 'Finds it.', parameters: { properties: {} }, strict: true };

test('tools', () => {
  expect(toParams(model('claude-sonnet-4-5'), { ...hello, tools: [find] })).toEqual({
    ...toParams(model('claude-sonnet-4-5'), hello),
    tools: [{ name: 'find', description: 'Finds it.', input_schema: { type: 'object', properties: {} }, strict: true }],
  });
});

test.for<[Partial<Generation>, object | undefined]>([
  [{ toolChoice: 'auto' }, { type: 'auto' }],
  [{ toolChoice: 'required' }, { type: 'any' }],
  [{ toolChoice: 'none' }, { type: 'none' }],
  [{ toolChoice: { name: 'find' } }, { type: 'tool', name: 'find' }],
  [{ parallelToolCalls: false }, { type: 'auto', disable_parallel_tool_use: true }],
  [{ parallelToolCalls: true }, { type: 'auto', disable_parallel_tool_use: false }],
  [
    { toolChoice: 'required', parallelToolCalls: false },
    { type: 'any', disable_parallel_tool_use: true },
  ],
  [{ toolChoice: 'none', parallelToolCalls: false }, { type: 'none' }],
])('%j is the choice %j', ([choice, sent]) => {
  expect(toParams(model('claude-sonnet-4-5'), { ...hello, tools: [find], ...choice }).tool_choice).toEqual(sent);
  expect(toParams(model('claude-sonnet-4-5'), { ...hello, ...choice })).not.toHaveProperty('tool_choice');
});

const schema = { type: 'object' };
test.for<[string, Partial<Generation>, object | undefined]>([
  ['claude-opus-5', { responseFormat: { type: 'text' } }, undefined],
  [
    'claude-opus-5',
    { responseFormat: { type: 'json_schema', name: 'bear', schema, strict: true } },
    { format: { type: 'json_schema', schema } },
  ],
  ['claude-opus-5', { reasoningEffort: 'high' }, { effort: 'high' }],
  ['claude-sonnet-4-5', { reasoningEffort: 'high' }, undefined],
  [
    'claude-opus-5',
    { responseFormat: { type: 'json_schema', name: 'bear', schema }, reasoningEffort: 'low' },
    { format: { type: 'json_schema', schema }, effort: 'low' },
  ],
])('%s, asked %j, is told of its output %j', ([name, wish, sent]) => {
  expect(toParams(model(name), { ...hello, ...wish }).output_config).toEqual(sent);
});

test('an effort is a budget where the model knows no efforts', () => {
  expect(toParams(model('claude-sonnet-4-5'), { ...hello, reasoningEffort: 'low' }).thinking).toEqual({
    type: 'enabled',
    budget_tokens: 2048,
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
