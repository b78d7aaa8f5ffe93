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

test('the least there is: nothing is sent that was not asked for', () => {
  expect(toParams(model('gpt-4o'), hello)).toEqual({
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'Hello' }],
    stream: true,
    stream_options: { include_usage: true },
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
    seed: 0,
  };
  expect(toParams(model('gpt-4o'), generation)).toEqual({
    model: 'gpt-4o',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hi.' },
      { role: 'user', content: 'Go on' },
    ],
    stream: true,
    stream_options: { include_usage: true },
    max_completion_tokens: 100,
    temperature: 0,
    top_p: 0.5,
    stop: ['END'],
    seed: 0,
  });
});

const find = { name: 'find', description: 'Finds it.', parameters: { type: 'object' }, strict: true };

test('tools, and how to choose among them', () => {
  const generation: Generation = {
    ...hello,
    tools: [find, { name: 'seek', parameters: {} }],
    toolChoice: { name: 'seek' },
    parallelToolCalls: false,
  };
  expect(toParams(model('gpt-4o'), generation)).toMatchObject({
    tools: [
      { type: 'function', function: find },
      { type: 'function', function: { name: 'seek', parameters: {} } },
    ],
    tool_choice: { type: 'function', function: { name: 'seek' } },
    parallel_tool_calls: false,
  });
});

test.for(['auto', 'none', 'required'] as const)('the choice of tools may be %s', (toolChoice) => {
  expect(toParams(model('gpt-4o'), { ...hello, tools: [find], toolChoice }).tool_choice).toBe(toolChoice);
});

test('without tools there is no choice among them', () => {
  const params = toParams(model('gpt-4o'), { ...hello, tools: [], toolChoice: 'auto', parallelToolCalls: true });
  expect(['tools', 'tool_choice', 'parallel_tool_calls'].filter((member) => member in params)).toEqual([]);
});

test('effort and the number of choices', () => {
  expect(toParams(model('o3'), { ...hello, reasoningEffort: 'high', choices: 3 })).toMatchObject({
    reasoning_effort: 'high',
    n: 3,
  });
});

test.for([
  ['gpt-4o', false],
  ['gpt-5', true],
  ['openai/gpt-of-tomorrow', true],
] as const)('an effort is a hint: that %s reasons is %s', ([name, isTold]) => {
  const params = toParams(model(name), { ...hello, reasoningEffort: 'high' });
  expect('reasoning_effort' in params).toBe(isTold);
});

test.for([
  ['gpt-4o', true],
  ['gpt-4o-2024-11-20', true],
  ['gpt-5-chat-latest', true],
  ['openai/gpt-of-tomorrow', true],
  ['sandbox/echo', true],
  ['o3', false],
  ['gpt-5-mini', false],
  ['gpt-5-2025-08-07', false],
] as const)('%s takes sampling parameters: %s', ([name, takes]) => {
  const params = toParams(model(name), { ...hello, temperature: 0.7, topP: 0.9 });
  expect(['temperature' in params, 'top_p' in params]).toEqual([takes, takes]);
});

test.for([
  [{ type: 'text' }, { type: 'text' }],
  [{ type: 'json_object' }, { type: 'json_object' }],
  [
    { type: 'json_schema', name: 'bear', schema: { type: 'object' } },
    { type: 'json_schema', json_schema: { name: 'bear', schema: { type: 'object' } } },
  ],
  [
    { type: 'json_schema', name: 'bear', schema: { type: 'object' }, strict: true },
    { type: 'json_schema', json_schema: { name: 'bear', schema: { type: 'object' }, strict: true } },
  ],
] as [NonNullable<Generation['responseFormat']>, object][])('%j becomes %j', ([responseFormat, sent]) => {
  expect(toParams(model('gpt-4o'), { ...hello, responseFormat }).response_format).toEqual(sent);
});

test.for([
  ['gpt-4o-2024-11-20', 'gpt-4o-2024-11-20'],
  ['openai/gpt-4o', 'gpt-4o'],
  ['gpt-5.6', 'gpt-5.6-sol'],
  ['sandbox/fail-once', 'sandbox/fail-once'],
] as const)('%s is asked for as %s', ([name, sent]) => {
  expect(toParams(model(name), hello).model).toBe(sent);
});
