import type { MessageCreateParamsNonStreaming, TextBlockParam } from '@anthropic-ai/sdk/resources';
import { expect } from 'vitest';
import { countTokens } from '../answer/tokens.ts';
import { test } from '../test-with-sandbox.ts';

const long = 'All there is to know about bears. '.repeat(20);
const block = (text: string, cached?: '5m' | '1h'): TextBlockParam => ({
  type: 'text',
  text,
  ...(cached ? { cache_control: { type: 'ephemeral', ttl: cached } } : {}),
});
const ask = (system: TextBlockParam[], content: string | TextBlockParam[]): MessageCreateParamsNonStreaming => ({
  model: 'claude-haiku-4-5',
  max_tokens: 100,
  system,
  messages: [{ role: 'user', content }],
});

test('written at first sight, read at the next; the bill has all of it', async ({ anthropic, sandbox }) => {
  const body = ask([block(long, '5m')], 'Hello');
  const plain = await anthropic.messages.create(ask([block(long)], 'Hello'));
  expect(plain.usage).toMatchObject({ cache_creation: null, cache_read_input_tokens: 0 });
  const all = plain.usage.input_tokens;
  const cached = countTokens(long);
  const first = await anthropic.messages.create(body);
  expect(first.usage).toMatchObject({
    input_tokens: all - cached,
    cache_creation_input_tokens: cached,
    cache_read_input_tokens: 0,
    cache_creation: { ephemeral_5m_input_tokens: cached, ephemeral_1h_input_tokens: 0 },
  });
  const second = await anthropic.messages.stream(body).finalMessage();
  expect(second.usage).toMatchObject({
    input_tokens: all - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
  });
  expect(await sandbox.bill()).toMatchObject({ calls: 3, prompt_tokens: 3 * all });
  expect(await sandbox.calls()).toMatchObject([
    { cache_write_tokens: 0, cache_read_tokens: 0 },
    { cache_write_tokens: cached, cache_read_tokens: 0 },
    { cache_write_tokens: 0, cache_read_tokens: cached },
  ]);
});

test('a longer prompt reads what it has in common and writes the rest', async ({ anthropic }) => {
  await anthropic.messages.create(ask([block(long, '1h')], 'Hello'));
  const { usage } = await anthropic.messages.create(ask([block(long)], [block('Tell me more.', '1h')]));
  expect(usage).toMatchObject({
    cache_read_input_tokens: countTokens(long),
    cache_creation_input_tokens: countTokens('Tell me more.'),
    cache_creation: { ephemeral_1h_input_tokens: countTokens('Tell me more.') },
  });
});

test('another beginning, another model or a fresh start is no hit', async ({ anthropic, sandbox }) => {
  const body = ask([block(long, '5m')], 'Hello');
  await anthropic.messages.create(body);
  const readOf = async (asked: MessageCreateParamsNonStreaming) =>
    (await anthropic.messages.create(asked)).usage.cache_read_input_tokens;
  expect(await readOf({ ...body, model: 'claude-sonnet-4-5' })).toBe(0);
  expect(await readOf(ask([block(`Before. ${long}`, '5m')], 'Hello'))).toBe(0);
  expect(await readOf(body)).toBeGreaterThan(0);
  await sandbox.reset();
  expect(await readOf(body)).toBe(0);
});
