import { expect, test } from 'vitest';
import type { NativeApi } from '../contracts/native-body.ts';
import { contentOfBody } from './body-content.ts';
import { countTokens } from './count-tokens.ts';

const words = 'honey '.repeat(50);
const picture = 'iVBORw0KGgo'.repeat(1000);
const asked = (content: unknown) => ({ messages: [{ role: 'user', content }] });
const tokensOf = (api: NativeApi, body: Record<string, unknown>) => {
  const { texts, tokens } = contentOfBody({ api, body });
  return countTokens(texts) + tokens;
};

// Base64 of text, which is no picture and no sound for all its looks: about a token for two characters.
const dump = Buffer.from(words.repeat(20)).toString('base64');

test.for<[string, NativeApi, Record<string, unknown>, number]>([
  ['a part of a kind that nobody knows', 'chat', asked([{ type: 'novel', said: words }]), 50],
  ['many short words in such parts', 'chat', asked(Array(500).fill({ type: 'novel', said: 'honey' })), 500],
  ['messages of an unknown role', 'chat', { messages: Array(300).fill({ role: 'novel', content: 'honey' }) }, 300],
  ['names of members', 'chat', asked([{ type: 'novel', [words]: 1 }]), 50],
  ['numbers', 'responses', { input: [{ type: 'novel', points: Array(1000).fill(7) }] }, 1000],
  ['text that looks like base64', 'responses', { input: [{ type: 'custom_tool_call_output', output: dump }] }, 2000],
  ['thoughts that are sealed', 'responses', { input: [{ type: 'reasoning', encrypted_content: dump }] }, 2000],
  ['names in schemas of tools', 'responses', { tools: [{ type: 'novel', parameters: { [words]: {} } }] }, 50],
  [
    'a schema that is named as a picture',
    'messages',
    { tools: [{ input_schema: { type: 'image', source: { type: 'url', url: words } } }] },
    50,
  ],
  [
    'what a tool was given that looks like a picture',
    'messages',
    asked([{ type: 'tool_use', input: { type: 'image', source: { type: 'base64', data: dump } } }]),
    2000,
  ],
  ['a document of text', 'messages', asked([{ type: 'document', source: { type: 'text', data: words } }]), 50],
  ['a picture whose source is none', 'messages', asked([{ type: 'image', source: words }]), 50],
  [
    'a document at an address',
    'messages',
    asked([{ type: 'document', source: { type: 'url', url: 'https://x' } }]),
    500_000,
  ],
  [
    'a document that its provider keeps',
    'messages',
    asked([{ type: 'document', source: { type: 'file', file_id: 'f' } }]),
    500_000,
  ],
  [
    'a file that its provider keeps',
    'responses',
    { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }] },
    500_000,
  ],
  ['the same of a chat', 'chat', asked([{ type: 'file', file: { file_id: 'f' } }]), 500_000],
  ['a file that comes along', 'chat', asked([{ type: 'file', file: { file_data: picture } }]), picture.length],
  ['sound', 'chat', asked([{ type: 'input_audio', input_audio: { data: 'UklGR'.repeat(10_000) } }]), 100],
  ['a list of tokens', 'embeddings', { input: [50_000, 50_001, 50_002] }, 3],
  ['a million tokens', 'completions', { prompt: [Array(500_000).fill(1), Array(500_000).fill(2)] }, 1_000_000],
  ['what an answer is predicted to be', 'chat', { prediction: { type: 'content', content: words } }, 50],
  ['what comes after the answer', 'completions', { prompt: 'a', suffix: words }, 50],
])('counted is %s', ([, api, body, least]) => {
  const tokens = tokensOf(api, body);
  expect(tokens).toBeGreaterThanOrEqual(least);
  // And no other than by what stands around it.
  expect(tokens).toBeLessThanOrEqual(least * 6 + 50);
});

test.for<[string, NativeApi, Record<string, unknown>]>([
  ['a chat', 'chat', asked([{ type: 'image_url', image_url: { url: `data:image/png;base64,${picture}` } }])],
  ['a response', 'responses', { input: [{ role: 'user', content: [{ type: 'input_image', image_url: picture }] }] }],
  ['a response, kept elsewhere', 'responses', { input: [{ content: [{ type: 'input_image', file_id: 'f' }] }] }],
  [
    'a screen',
    'responses',
    { input: [{ type: 'computer_call_output', output: { type: 'computer_screenshot', image_url: picture } }] },
  ],
  ['a message', 'messages', asked([{ type: 'image', source: { type: 'base64', data: picture } }])],
  [
    'a tool',
    'messages',
    asked([{ type: 'tool_result', content: [{ type: 'image', source: { type: 'base64', data: picture } }] }]),
  ],
])('a picture in %s is one', ([, api, body]) => {
  expect(contentOfBody({ api, body }).images).toBe(1);
  expect(tokensOf(api, body)).toBeLessThan(50);
});

test('who asks, and for which model, is not said to it', () => {
  const body = { ...asked('honey'), model: words, user: words, metadata: { a: words }, logit_bias: { 1: 1 } };
  expect(tokensOf('chat', body)).toBeLessThan(10);
});
