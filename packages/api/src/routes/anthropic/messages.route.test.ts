import '@llm-gateway/testkit/provided-context';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { answered } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1000' } });
});
afterAll(() => api?.close());
beforeEach(() => {
  api.answers = undefined;
});

const hello = { model: 'gpt-4o', max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] };
const post = (body: object, headers: Record<string, string> = {}) =>
  api.inject({ method: 'POST', url: '/v1/messages', payload: body, headers });

describe('the whole answer', () => {
  test('of another provider is a message', async () => {
    api.answers = () => answered('Hi there.');
    const response = await post(hello);
    expect(response.statusCode).toBe(200);
    const jobId = String(response.headers['x-job-id']);
    expect(response.json()).toMatchObject({
      id: `msg_${jobId.slice(4)}`,
      content: [{ type: 'text', text: 'Hi there.' }],
    });
  });

  test('streamed', async () => {
    api.answers = () => answered('Hi there.');
    const response = await post({ ...hello, stream: true });
    expect(response.statusCode).toBe(200);
    expect(response.body).toMatch(/^event: message_start\n.*event: message_stop\ndata: {"type":"message_stop"}\n\n$/s);
  });
});
