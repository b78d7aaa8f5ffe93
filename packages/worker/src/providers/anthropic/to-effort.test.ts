import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { expect, test } from 'vitest';
import { toEffort } from './to-effort.ts';

const hello: Generation = { messages: [{ role: 'user', text: 'Hello' }] };

function effortOf(name: string, generation: Partial<Generation>, maxTokens = 64_000) {
  const model = resolveModel(name);
  if (model === undefined) throw new Error(`no model ${name}`);
  return toEffort(model, { ...hello, ...generation }, maxTokens);
}

test.for([
  ['none', {}],
  ['minimal', { effort: 'low' }],
  ['low', { effort: 'low' }],
  ['medium', { effort: 'medium' }],
  ['high', { effort: 'high' }],
  ['xhigh', { effort: 'xhigh' }],
  ['max', { effort: 'max' }],
] as const)('%s is %j for a model that decides it itself', ([reasoningEffort, sent]) => {
  expect(effortOf('claude-opus-4-7', { reasoningEffort, temperature: 1, toolChoice: 'required' })).toEqual(sent);
});

test.for([
  ['none', 64_000, undefined],
  ['minimal', 64_000, 1024],
  ['low', 64_000, 2048],
  ['high', 64_000, 16_384],
  ['max', 64_000, 32_000],
  ['max', 4096, 3072],
  ['high', 2048, 1024],
  ['high', 2047, undefined],
  ['high', 1, undefined],
] as const)('%s within %i tokens is a budget of %s for one before', ([reasoningEffort, maxTokens, budget_tokens]) => {
  const thinking = budget_tokens === undefined ? undefined : { type: 'enabled', budget_tokens };
  expect(effortOf('claude-sonnet-4-5', { reasoningEffort }, maxTokens).thinking).toEqual(thinking);
});

const tools = [{ name: 'find', parameters: {} }];
const call = { type: 'tool-call', id: 'a', name: 'find', arguments: '{}' } as const;
const thought = { type: 'reasoning', text: 'Hm', signature: 's' } as const;

test.for<[string, Partial<Generation>, boolean]>([
  ['nothing', {}, true],
  ['a temperature', { temperature: 0 }, false],
  ['top_p', { topP: 0.5 }, false],
  ['tools', { tools, toolChoice: 'auto' }, true],
  ['a call that is demanded', { tools, toolChoice: 'required' }, false],
  ['a tool that is named', { tools, toolChoice: { name: 'find' } }, false],
  ['a call without its thought', { messages: [{ role: 'assistant', parts: [call] }] }, false],
  ['a call after its thought', { messages: [{ role: 'assistant', parts: [thought, call] }] }, true],
])('with %s, a budget is asked for: %s', ([, generation, isAsked]) => {
  expect('thinking' in effortOf('claude-sonnet-4-5', { reasoningEffort: 'low', ...generation })).toBe(isAsked);
});

test.for(['claude-3-haiku', 'claude-3-5-sonnet', 'anthropic/claude-of-tomorrow'])(
  '%s is asked for no thought: it has none, or nothing is known of it',
  (name) => {
    expect(effortOf(name, { reasoningEffort: 'high' })).toEqual({});
  },
);
