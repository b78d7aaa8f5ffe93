import type { NativeBody } from '@llm-gateway/shared/contracts/native-body';
import { expect, test } from 'vitest';
import { toNativeParams } from './native-params.ts';

const usage = { stream_options: { include_usage: true } };

test.for<[NativeBody['api'], object, string, object, boolean]>([
  ['chat', {}, '/chat/completions', { stream: true, ...usage }, true],
  ['completions', {}, '/completions', { stream: true, ...usage }, true],
  ['responses', {}, '/responses', { stream: true }, true],
  ['embeddings', {}, '/embeddings', {}, false],
  [
    'chat',
    { stream_options: { include_obfuscation: false, include_usage: false } },
    '/chat/completions',
    { stream: true, stream_options: { include_obfuscation: false, include_usage: true } },
    true,
  ],
  ['chat', { stream_options: null }, '/chat/completions', { stream: true, ...usage }, true],
  ['chat', { modalities: ['text'] }, '/chat/completions', { stream: true, ...usage }, true],
  [
    'chat',
    { modalities: ['text', 'audio'], audio: { format: 'pcm16' } },
    '/chat/completions',
    { stream: true, ...usage },
    true,
  ],
  ['chat', { modalities: ['audio'], audio: { format: 'wav' } }, '/chat/completions', {}, false],
  ['completions', { best_of: 1 }, '/completions', { stream: true, ...usage }, true],
  ['completions', { best_of: 2 }, '/completions', {}, false],
])('%s with %j goes to %s with %j, streamed: %s', ([api, members, path, set, isStreamed]) => {
  const body = { x_unknown: [null], model: 'alias', ...members };
  const given = structuredClone(body);
  expect(toNativeParams({ api, body }, 'm')).toEqual({ path, body: { ...body, model: 'm', ...set }, isStreamed });
  expect(body).toEqual(given);
});
