import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Gateway, post, startGateway } from '@llm-gateway/testkit/start-gateway';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const [, table = ''] = readme.split('## What passes through, what is translated, what is refused');
const cells = [...table.matchAll(/^\|[^|]*\|[^|]*\|([^|]*)\|$/gm)].map(([, cell]) => cell ?? '');

/** The members that the last column names after a word, each once. */
function membersAfter(word: 'left out' | 'refused'): string[] {
  const lists = cells.flatMap((cell) => cell.split(';').filter((clause) => clause.includes(`**${word}**: `)));
  const names = lists.flatMap((list) => [...list.replace(/ but .*/, '').matchAll(/`([^`]+)`/g)]);
  return [...new Set(names.map(([, name]) => name ?? ''))].sort();
}

type Dialect = keyof typeof dialects;
type Case = [dialect: Dialect, body: object, pointer: string];

const dialects = {
  chat: { path: '/v1/chat/completions', own: 'gpt-4o', other: 'claude-haiku-4-5' },
  responses: { path: '/v1/responses', own: 'gpt-4o', other: 'claude-haiku-4-5' },
  messages: { path: '/v1/messages', own: 'claude-haiku-4-5', other: 'gpt-4o' },
  embeddings: { path: '/v1/embeddings', own: 'text-embedding-3-small', other: 'claude-haiku-4-5' },
  completions: { path: '/v1/completions', own: 'gpt-4o', other: 'claude-haiku-4-5' },
} as const;

const user = (content: unknown) => ({ messages: [{ role: 'user', content }] });
const bodies: Record<Dialect, object> = {
  chat: user('Hi'),
  responses: { input: 'Hi' },
  messages: { max_tokens: 50, ...user('Hi') },
  embeddings: { input: 'Hi' },
  completions: { prompt: 'Hi' },
};

const file = { type: 'file', file_id: 'file_1' };
const schema = { type: 'object', properties: {} };
const chatTool = { type: 'function', function: { name: 'f', parameters: schema } };
const cached = { cache_control: { type: 'ephemeral' } };
const image = { url: 'https://example.com/a.png', detail: 'low' };

const refused: Record<string, Case[]> = {
  allowed_callers: [
    ['messages', { tools: [{ name: 'f', input_schema: schema, allowed_callers: ['x'] }] }, '/tools/0/allowed_callers'],
  ],
  allowed_tools: [
    [
      'chat',
      { tools: [chatTool], tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [] } } },
      '/tool_choice',
    ],
  ],
  audio: [['chat', { audio: { voice: 'v', format: 'mp3' } }, '/audio']],
  citations: [
    [
      'messages',
      user([{ type: 'document', source: { type: 'text', data: 'x' }, citations: { enabled: true } }]),
      '/messages/0/content/0/citations',
    ],
  ],
  container: [['messages', { container: 'c' }, '/container']],
  context_management: [
    ['messages', { context_management: {} }, '/context_management'],
    ['responses', { context_management: [{ type: 'compaction' }] }, '/context_management'],
  ],
  conversation: [['responses', { conversation: 'conv_1' }, '/conversation']],
  defer_loading: [
    ['messages', { tools: [{ name: 'f', input_schema: schema, defer_loading: true }] }, '/tools/0/defer_loading'],
  ],
  file_id: [
    ['chat', user([{ type: 'file', file: { file_id: 'file-1' } }]), '/messages/0/content/0'],
    [
      'responses',
      { input: ['a', [{ type: 'input_file', file_id: 'f' }]].map((content) => ({ role: 'user', content })) },
      '/input/1/content/0',
    ],
    ['messages', user([{ type: 'document', source: file }]), '/messages/0/content/0/source'],
    ['messages', user([{ type: 'image', source: file }]), '/messages/0/content/0/source'],
  ],
  frequency_penalty: [['chat', { frequency_penalty: 1 }, '/frequency_penalty']],
  include: [['responses', { include: ['file_search_call.results'] }, '/include/0']],
  inference_geo: [['messages', { inference_geo: 'us' }, '/inference_geo']],
  input_audio: [
    ['chat', user([{ type: 'input_audio', input_audio: { data: '', format: 'wav' } }]), '/messages/0/content/0'],
  ],
  item_reference: [['responses', { input: [{ role: 'user', content: 'a' }, { type: 'item_reference' }] }, '/input/1']],
  json_object: [
    ['chat', { response_format: { type: 'json_object' } }, '/response_format'],
    ['responses', { text: { format: { type: 'json_object' } } }, '/text/format'],
  ],
  logit_bias: [['chat', { logit_bias: { 1: 1 } }, '/logit_bias']],
  logprobs: [['chat', { logprobs: true }, '/logprobs']],
  max_tool_calls: [['responses', { max_tool_calls: 1 }, '/max_tool_calls']],
  mcp_servers: [['messages', { mcp_servers: [{ type: 'url', url: 'https://example.com' }] }, '/mcp_servers']],
  modalities: [['chat', { modalities: ['text', 'audio'] }, '/modalities']],
  model: [
    ['embeddings', {}, '/model'],
    ['completions', {}, '/model'],
  ],
  n: [['chat', { n: 2 }, '/n']],
  prediction: [['chat', { prediction: { type: 'content', content: 'x' } }, '/prediction']],
  presence_penalty: [['chat', { presence_penalty: 1 }, '/presence_penalty']],
  // Needs a response to go on with: a test of its own, below.
  previous_response_id: [],
  prompt: [['responses', { prompt: { id: 'pmpt_1' } }, '/prompt']],
  redacted_thinking: [
    [
      'messages',
      {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'assistant', content: [{ type: 'redacted_thinking', data: 'x' }] },
        ],
      },
      '/messages/1/content/0',
    ],
  ],
  search_result: [
    ['messages', user([{ type: 'search_result', source: 's', title: 't', content: [] }]), '/messages/0/content/0'],
  ],
  seed: [['chat', { seed: 1 }, '/seed']],
  service_tier: [
    ['chat', { service_tier: 'flex' }, '/service_tier'],
    ['responses', { service_tier: 'flex' }, '/service_tier'],
    ['messages', { service_tier: 'standard_only' }, '/service_tier'],
  ],
  speed: [['messages', { speed: 'fast' }, '/speed']],
  stop_sequences: [['messages', { stop_sequences: ['a', 'b', 'c', 'd', 'e'] }, '/stop_sequences']],
  system: [['messages', { messages: ['user', 'system'].map((role) => ({ role, content: 'a' })) }, '/messages/1/role']],
  temperature: [
    ['chat', { temperature: 1.5 }, '/temperature'],
    ['responses', { temperature: 1.5 }, '/temperature'],
  ],
  tools: [
    ['chat', { tools: [{ type: 'custom', custom: { name: 'f' } }] }, '/tools/0'],
    ['responses', { tools: [{ type: 'web_search' }] }, '/tools/0'],
    ['responses', { tools: [{ type: 'custom', name: 'f' }] }, '/tools/0'],
    ['messages', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, '/tools/0'],
  ],
  top_k: [['messages', { top_k: 1 }, '/top_k']],
  top_logprobs: [
    ['chat', { top_logprobs: 1 }, '/top_logprobs'],
    ['responses', { top_logprobs: 1 }, '/top_logprobs'],
  ],
  truncation: [['responses', { truncation: 'auto' }, '/truncation']],
  url: [
    ['messages', user([{ type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } }]), '/messages'],
  ],
  web_search_options: [['chat', { web_search_options: {} }, '/web_search_options']],
};

const leftOut: Record<string, [dialect: Dialect, body: object][]> = {
  cache_control: [
    ['messages', cached],
    ['messages', { system: [{ type: 'text', text: 'x', ...cached }] }],
    ['messages', user([{ type: 'text', text: 'x', ...cached }])],
  ],
  detail: [['chat', user([{ type: 'image_url', image_url: image }])]],
  diagnostics: [['messages', { diagnostics: {} }]],
  eager_input_streaming: [['messages', { tools: [{ name: 'f', input_schema: schema, eager_input_streaming: true }] }]],
  input_examples: [['messages', { tools: [{ name: 'f', input_schema: schema, input_examples: [{}] }] }]],
  metadata: [
    ['chat', { metadata: { a: 'b' } }],
    ['responses', { metadata: { a: 'b' } }],
    ['messages', { metadata: { user_id: 'u' } }],
  ],
  prompt_cache_key: [
    ['chat', { prompt_cache_key: 'k' }],
    ['responses', { prompt_cache_key: 'k' }],
  ],
  safety_identifier: [
    ['chat', { safety_identifier: 'u' }],
    ['responses', { safety_identifier: 'u' }],
  ],
  store: [
    ['chat', { store: true }],
    ['responses', { store: true }],
  ],
  summary: [['responses', { reasoning: { summary: 'auto' } }]],
  user: [
    ['chat', { user: 'u' }],
    ['responses', { user: 'u' }],
  ],
  verbosity: [
    ['chat', { verbosity: 'low' }],
    ['responses', { text: { verbosity: 'low' } }],
  ],
};

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    environment: { MAX_REQUESTS_PER_MINUTE: '10000', MAX_REQUESTS_PER_HOUR: '10000' },
  });
});
afterAll(() => gateway?.stop());

async function ask(dialect: Dialect, model: string, body: object) {
  const id = `table-${randomUUID()}`;
  const asked = { model, ...bodies[dialect], ...body };
  const reply = await post(`${gateway.url}${dialects[dialect].path}`, asked, { 'x-client-request-id': id });
  const [call] = await gateway.sandbox.callsWithBodies({ request_id: id });
  return { status: reply.status, told: reply.body.error?.message as string | undefined, sent: call?.body };
}

test('every member that the table says is refused or left out is tried here', () => {
  expect(membersAfter('refused')).toEqual(Object.keys(refused).sort());
  expect(membersAfter('left out')).toEqual(Object.keys(leftOut).sort());
});

const refusals = Object.values(refused).flat();
const hints = Object.entries(leftOut).flatMap(([name, cases]) =>
  cases.map(([dialect, body]) => [name, dialect, body] as const),
);

describe.concurrent('for a provider of another dialect', () => {
  test.for(refusals)('%s is refused %j as %s', async ([dialect, body, pointer]) => {
    const { status, told, sent } = await ask(dialect, dialects[dialect].other, body);
    expect(told).toMatch(new RegExp(`^${pointer}: `));
    expect([status, sent]).toEqual([400, undefined]);
  });

  test.for(hints)('%s is left out of %s %j', async ([name, dialect, body]) => {
    const { status, told, sent } = await ask(dialect, dialects[dialect].other, body);
    expect([status, told]).toEqual([200, undefined]);
    expect(JSON.stringify(sent)).not.toMatch(new RegExp(`"${name}":`));
  });

  test('previous_response_id is refused', async () => {
    const { body } = await post(`${gateway.url}/v1/responses`, { model: 'gpt-4o', input: 'Hi' });
    const { status, told } = await ask('responses', 'claude-haiku-4-5', { previous_response_id: body.id });
    expect([status, told]).toEqual([400, expect.stringMatching(/^\/previous_response_id: /)]);
  });

  test.for(['chat', 'responses', 'messages'] as const)('members that nobody knows are left out of %s', async (name) => {
    const { status, sent } = await ask(name, dialects[name].other, { x_unknown: { a: 1 } });
    expect(status).toBe(200);
    expect(JSON.stringify(sent)).not.toContain('x_unknown');
  });
});

describe.concurrent('for a provider of the dialect', () => {
  const passed = [...refusals, ...hints.map(([, dialect, body]) => [dialect, body] as const)].filter(
    ([, body]) => !('conversation' in body),
  );

  test.for(passed)('%s passes on %j', async ([dialect, body]) => {
    const { sent } = await ask(dialect, dialects[dialect].own, body);
    expect(sent).toMatchObject({ ...bodies[dialect], ...body });
  });
});
