import { expect, test } from 'vitest';
import { checkLine } from './check-line.ts';

const endpoint = '/v1/chat/completions';
const line = (changes: object = {}) =>
  JSON.stringify({ custom_id: 'a', method: 'POST', url: endpoint, body: { model: 'gpt-4o' }, ...changes });
const check = (text: string | undefined) => checkLine({ number: 7, text }, endpoint, 1000);

test('a line is taken with the JSON of its body', () => {
  expect(check(line())).toEqual({ number: 7, customId: 'a', request: '{"model":"gpt-4o"}' });
});

test.for([
  [undefined, 'line_too_long', null],
  ['{"custom_id"', 'invalid_json_line', null],
  ['null', 'invalid_json_line', null],
  ['[]', 'invalid_json_line', null],
  [line({ custom_id: undefined }), 'missing_required_parameter', 'custom_id'],
  [line({ body: null }), 'missing_required_parameter', 'body'],
  [line({ custom_id: '' }), 'invalid_parameter', 'custom_id'],
  [line({ custom_id: 5 }), 'invalid_parameter', 'custom_id'],
  [line({ custom_id: 'x'.repeat(513) }), 'invalid_parameter', 'custom_id'],
  // A database would keep them all as one and the same.
  [line({ custom_id: '\ud800' }), 'invalid_parameter', 'custom_id'],
  [line({ custom_id: '\0' }), 'invalid_parameter', 'custom_id'],
  [line({ method: 'GET' }), 'invalid_parameter', 'method'],
  [line({ body: [] }), 'invalid_parameter', 'body'],
  [line({ body: { x: JSON.parse('['.repeat(200) + ']'.repeat(200)) } }), 'invalid_parameter', 'body'],
  [line({ body: { x: Array.from({ length: 500_001 }, () => 1) } }), 'invalid_parameter', 'body'],
  [line({ url: '/v1/embeddings' }), 'mismatched_url', 'url'],
  [line({ url: `https://evil.example${endpoint}` }), 'mismatched_url', 'url'],
] as const)('what is wrong is told with its line: %#', ([text, code, param]) => {
  expect(check(text)).toEqual({ code, line: 7, message: expect.any(String), param });
});
