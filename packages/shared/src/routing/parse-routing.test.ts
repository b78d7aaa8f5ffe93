import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseRouting } from './parse-routing.ts';

const routingOf = (text: string) => {
  const parsed = parseRouting(text);
  if ('faults' in parsed) throw new Error(parsed.faults.join('\n'));
  return parsed.routing;
};

const faultsOf = (text: string) => {
  const parsed = parseRouting(text);
  return 'faults' in parsed ? parsed.faults : [];
};

const whole = `
providers:
  openai:
    deployments:
      - { name: main, api_key: "\${OPENAI_API_KEY}", weight: 3 }
      - { name: eu, base_url: "https://eu.api.openai.com/v1", api_key: "\${OPENAI_KEY_EU}" }
  groq:
    base_url: https://api.groq.com/openai/v1
    api_key: \${GROQ_API_KEY}
    models: [llama-3.3-70b-versatile]
  ollama:
    base_url: http://localhost:11434/v1
    apis: [chat]
models:
  fast: groq/llama-3.3-70b-versatile
  smart: { targets: [openai/gpt-4o, fast] }
  spread: { targets: [[{ model: gpt-4o, weight: 3 }, { model: fast }], anthropic/claude-sonnet-4-5] }
`;

describe('a file', () => {
  test('is read whole', () => {
    const { providers, aliases } = routingOf(whole);
    expect(providers.get('openai')?.deployments).toEqual([
      { name: 'main', apiKey: `\${OPENAI_API_KEY}`, weight: 3 },
      { name: 'eu', baseUrl: 'https://eu.api.openai.com/v1', apiKey: `\${OPENAI_KEY_EU}`, weight: 1 },
    ]);
    expect(providers.get('groq')).toEqual({
      name: 'groq',
      deployments: [
        { name: 'default', baseUrl: 'https://api.groq.com/openai/v1', apiKey: `\${GROQ_API_KEY}`, weight: 1 },
      ],
      apis: ['chat', 'embeddings'],
      models: ['llama-3.3-70b-versatile'],
    });
    expect(providers.get('ollama')).toMatchObject({ deployments: [{ name: 'default' }], apis: ['chat'] });
    expect(aliases.get('fast')).toEqual({ targets: ['groq/llama-3.3-70b-versatile'] });
    expect(aliases.get('spread')?.targets[0]).toEqual([
      { model: 'gpt-4o', weight: 3 },
      { model: 'fast', weight: 1 },
    ]);
  });

  test('may be JSON', () => {
    const { aliases } = routingOf('{"models": {"fast": "openai/gpt-4o-mini"}}');
    expect([...aliases.keys()]).toEqual(['fast']);
  });

  test.for(['', '# nothing yet\n', '{}', 'models:\nproviders:\n'])('may have no entries: %j', (text) => {
    expect(faultsOf(text)).toEqual([]);
  });

  test('has a version that follows its content', () => {
    expect(routingOf(whole).version).toBe(routingOf(whole).version);
    expect(routingOf(`${whole}#`).version).not.toBe(routingOf(whole).version);
  });

  test('a server may take its address from its deployments, and lend its own to them', () => {
    const { providers } = routingOf(`
providers:
  vllm:
    base_url: http://one:8000/v1
    deployments: [{ name: a }, { name: b, base_url: "http://two:8000/v1" }]
`);
    expect(providers.get('vllm')?.deployments.map(({ baseUrl }) => baseUrl)).toEqual([
      'http://one:8000/v1',
      'http://two:8000/v1',
    ]);
  });

  test('the example is right', () => {
    const example = readFileSync(new URL('../../../../examples/routing.yaml', import.meta.url), 'utf8');
    expect(faultsOf(example)).toEqual([]);
    expect(routingOf(example).providers.size).toBeGreaterThan(1);
  });
});

const server = 'base_url: http://x/v1';

test.for([
  ['providers: []', 'providers: must be a mapping'],
  ['5', 'the file: must be a mapping'],
  ['provider: {}', 'the file: unknown member provider'],
  [
    'providers: { Groq: { base_url: "http://x/v1" } }',
    'providers.Groq: must be 1 to 32 of a-z, 0-9 and -, a letter first',
  ],
  [`providers:\n  sandbox:\n    ${server}`, 'providers.sandbox: the name is reserved'],
  ['providers: { groq: {} }', 'providers.groq.base_url: is missing (default)'],
  ['providers: { groq: { base_url: "ftp://x" } }', 'providers.groq.base_url: must be an http or https URL'],
  ['providers: { openai: {} }', 'providers.openai.api_key: is missing'],
  [
    'providers: { openai: { deployments: [{ name: a, api_key: k }, { name: b }] } }',
    'providers.openai.deployments[1].api_key: is missing',
  ],
  [
    'providers: { openai: { api_key: k, deployments: [{ name: a }, { name: a }] } }',
    'providers.openai.deployments[1].name: is there twice',
  ],
  [
    'providers: { openai: { api_key: k, deployments: [{ name: a, weight: 0 }] } }',
    'deployments[0].weight: must be at least 1',
  ],
  ['providers: { openai: { api_key: k, deployments: [] } }', 'providers.openai.deployments: must have one at least'],
  ['providers: { openai: { api_key: k, apis: [chat] } }', 'providers.openai.apis: is known of openai'],
  [
    `providers:\n  groq:\n    ${server}\n    apis: [images]`,
    'providers.groq.apis[0]: must be one of chat, responses, embeddings, completions',
  ],
  [`providers:\n  groq:\n    ${server}\n    key: x`, 'providers.groq: unknown member key'],
  [
    `providers:\n  groq:\n    ${server}\n    api_key: "\${}"`,
    'providers.groq.api_key: a reference to the environment is written',
  ],
  ['models: { "a/b": gpt-4o }', 'models.a/b: must be 1 to 128 of letters'],
  ['models: { fast: gpt-99 }', 'models.fast.targets[0]: is no model and no name of this file: write provider/name'],
  [
    'models: { fast: grok/x }',
    'models.fast.targets[0]: there is no provider grok: there are openai, anthropic, sandbox',
  ],
  [
    'models: { s: { targets: [[{ model: gpt-4o }, { model: grok/x }]] } }',
    'models.s.targets[0][1].model: there is no provider grok',
  ],
  ['models: { fast: { targets: [] } }', 'models.fast.targets: must have one at least'],
  ['models: { a: a }', 'models.a: leads to itself, by way of a → a'],
  ['models: { a: b, b: { targets: [gpt-4o, c] }, c: a }', 'models.a: leads to itself, by way of a → b → c → a'],
  ['models: { a: gpt-4o, a: gpt-4o-mini }', 'line 1: has a name that is there already'],
  ['models: [', 'line 1: is no YAML'],
  [
    `providers:\n  openai: { api_key: \${KEY}, base_url: http://x }`,
    'line 2: is no YAML (UNEXPECTED_TOKEN); a reference needs quotes within { } and [ ]',
  ],
  ['models: *nobody', 'the file: refers to an anchor (*name) that is not there'],
  [`#${'x'.repeat(1_048_576)}`, 'the file: must have at most 1048576 bytes'],
] as const)('%j is refused: %s', ([text, fault]) => {
  expect(faultsOf(text).join('\n')).toContain(fault);
});

test('names that multiply are bounded', () => {
  const names = Array.from({ length: 9 }, (_, index) => index);
  const lines = names.map((index) => `  a${index}: { targets: [a${index + 1}, a${index + 1}] }`);
  expect(faultsOf(`models:\n${lines.join('\n')}\n  a9: gpt-4o\n`)).toEqual([
    'models.a0: leads to more than 64 models',
    'models.a1: leads to more than 64 models',
    'models.a2: leads to more than 64 models',
  ]);
});

test('faults quote no values, which may be secrets', () => {
  for (const text of [
    'providers: { openai: { api_key: "sk-secret with blank" } }',
    'providers: { openai: { api_key: [sk-secret] } }',
    'providers: { groq: { base_url: "sk-secret" } }',
    'providers: { openai: { api_key: *sk-secret } }',
    'providers: { openai: { api_key: "sk-secret }',
    'providers: { openai: { api_key: sk-secret, apis: [sk-secret] } }',
  ]) {
    const faults = faultsOf(text);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.join()).not.toContain('sk-secret');
  }
});
