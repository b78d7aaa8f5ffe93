import { describe, expect, test } from 'vitest';
import { resolveModel } from './resolve-model.ts';

describe('a name is looked up in order', () => {
  test.for([
    ['its id', 'openai/gpt-4o', 'openai/gpt-4o', 'gpt-4o'],
    ['an alias', 'gpt-4o', 'openai/gpt-4o', 'gpt-4o'],
    [
      'an alias of a name that upstream only knows dated',
      'claude-3-haiku',
      'anthropic/claude-3-haiku',
      'claude-3-haiku-20240307',
    ],
    ['the id of such a model', 'anthropic/claude-3-haiku', 'anthropic/claude-3-haiku', 'claude-3-haiku-20240307'],
    ['the dated name itself', 'claude-3-haiku-20240307', 'anthropic/claude-3-haiku', 'claude-3-haiku-20240307'],
    [
      'an alias behind its provider',
      'anthropic/claude-3-5-sonnet-latest',
      'anthropic/claude-3-5-sonnet',
      'claude-3-5-sonnet-latest',
    ],
    ['the sandbox', 'sandbox/echo', 'sandbox/echo', 'sandbox/echo'],
  ] as const)('by %s: %s', ([, name, id, model]) => {
    expect(resolveModel(name)).toMatchObject({ id, model, known: true, row: { id } });
  });

  test.for([
    ['gpt-4o-2024-11-20', 'openai/gpt-4o-2024-11-20', 'openai/gpt-4o'],
    ['openai/gpt-4o-2024-08-06', 'openai/gpt-4o-2024-08-06', 'openai/gpt-4o'],
    ['claude-3-5-sonnet-20241022', 'anthropic/claude-3-5-sonnet-20241022', 'anthropic/claude-3-5-sonnet'],
  ] as const)('a pinned snapshot is sent as it came: %s', ([name, id, rowId]) => {
    const model = id.split('/')[1];
    expect(resolveModel(name)).toMatchObject({ id, model, known: true, row: { id: rowId } });
  });

  test.for([
    ['openai/gpt-4o-superduper', 'openai', 'gpt-4o-superduper'],
    ['openai/ft:gpt-4o:acme/team:x', 'openai', 'ft:gpt-4o:acme/team:x'],
    ['anthropic/claude-sonnet-9', 'anthropic', 'claude-sonnet-9'],
    ['sandbox/fail-twice', 'sandbox', 'sandbox/fail-twice'],
    ['groq/meta-llama/llama-4', 'groq', 'meta-llama/llama-4'],
    ['my-server-2/x', 'my-server-2', 'x'],
  ] as const)('behind any provider any name may follow: %s', ([name, provider, model]) => {
    expect(resolveModel(name)).toEqual({ id: name, provider, model, known: false });
  });

  test.for([
    'gpt-4o-superduper',
    'claude-sonnet-9',
    'echo',
    'GPT-4o',
    'Google/gemini-2.5-pro',
    'two words/x',
    '-groq/x',
    `${'x'.repeat(33)}/m`,
    'anthropic/',
    '/gpt-4o',
    'openai',
    '',
    'constructor',
    '__proto__',
    'openai/a\nb',
    'gpt-4o\u0000',
    'openai/\u0085',
    'openai/モデル',
    'openai/\ud800',
    'openai/a b',
    `openai/${'x'.repeat(250)}`,
  ])('is nobody’s: %j', (name) => {
    expect(resolveModel(name)).toBeUndefined();
  });

  test('256 characters are still a name', () => {
    expect(resolveModel(`openai/${'x'.repeat(249)}`)).toMatchObject({ provider: 'openai', known: false });
  });

  test('a provider’s name does not lead to another provider’s model', () => {
    expect(resolveModel('anthropic/gpt-4o')).toMatchObject({ provider: 'anthropic', known: false });
  });
});
