import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { expect, test } from 'vitest';
import { toNativeParams } from './native-params.ts';

const warm = { temperature: 0.5, top_k: 3 };

test.for<[string, string | undefined, object, string, object]>([
  ['claude-sonnet-4-5', undefined, warm, '2023-06-01', warm],
  ['claude-sonnet-4-5', '2023-06-01', warm, '2023-06-01', warm],
  ['claude-sonnet-4-5', '2026-10-21', {}, '2026-10-21', {}],
  ['claude-sonnet-4-5', '2026-10-21', warm, '2023-06-01', warm],
  ['claude-sonnet-4-5', '2027-01-01', { top_p: 1 }, '2023-06-01', { top_p: 1 }],
  ['anthropic/claude-of-tomorrow', '2026-10-21', warm, '2023-06-01', warm],
  ['claude-opus-5', '2026-10-21', warm, '2026-10-21', {}],
  // Whether a model takes them is for the provider to say.
  ['claude-opus-5', '2023-06-01', warm, '2023-06-01', warm],
  ['claude-opus-5', undefined, warm, '2023-06-01', warm],
])('%s, version %s, with %j is sent as of %s with %j', ([name, version, given, sentVersion, sentMembers]) => {
  const model = resolveModel(name);
  if (!model) throw new Error(`no model ${name}`);
  const body = { model: 'alias', max_tokens: 5, x_unknown: [null], ...given };
  const headers = { 'anthropic-beta': 'a,b', ...(version === undefined ? {} : { 'Anthropic-Version': version }) };
  expect(toNativeParams({ api: 'messages', body, headers }, model)).toEqual({
    body: { model: model.model, max_tokens: 5, x_unknown: [null], stream: true, ...sentMembers },
    headers: { 'anthropic-beta': 'a,b', 'anthropic-version': sentVersion },
  });
});
