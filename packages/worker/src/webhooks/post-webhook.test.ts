import { type Answer, answerWith, startReceiver } from '@llm-gateway/testkit/start-receiver';
import { Agent } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { createGuardedAgent, type Resolve } from './guarded-agent.ts';
import { type PostOptions, postWebhook } from './post-webhook.ts';

async function receive(answer: Answer) {
  const receiver = await startReceiver();
  onTestFinished(receiver.close);
  const path = '/hook?x=1';
  receiver.answer(path, answer);
  return { heard: receiver.received, port: receiver.port, url: receiver.url + path };
}

function sender(agent = new Agent()): PostOptions {
  onTestFinished(() => agent.destroy());
  return { agent, timeoutMs: 5000, signal: new AbortController().signal };
}

const post = (url: string, options = sender()) =>
  postWebhook({ url, headers: { 'webhook-id': 'evt_1' }, body: '{"a": "ü"}' }, options);

test('the bytes arrive as they are, and 2xx is a delivery', async () => {
  const { heard, url } = await receive(answerWith(204));
  expect(await post(url)).toMatchObject({ status: 204, error: null, latencyMs: expect.any(Number) });
  expect(heard).toMatchObject([
    { path: '/hook?x=1', body: '{"a": "ü"}', headers: { 'content-type': 'application/json', 'webhook-id': 'evt_1' } },
  ]);
});

test.for([
  [500, {}, undefined],
  [429, { 'retry-after': '7' }, 7000],
  [503, { 'retry-after': 'nonsense' }, undefined],
] as const)('%i is none', async ([status, headers, retryAfterMs]) => {
  const { url } = await receive(answerWith(status, headers));
  expect(await post(url)).toMatchObject({ status, error: `answered ${status}`, retryAfterMs });
});

test('a redirect is a failure and not followed', async () => {
  const { heard, url } = await receive(answerWith(307, { location: '/elsewhere' }));
  expect(await post(url)).toMatchObject({ status: 307, error: 'answered 307; redirects are not followed' });
  expect(heard).toHaveLength(1);
});

test('an answer that never ends is not read to its end', async () => {
  let written = 0;
  const { url } = await receive((response) => {
    response.writeHead(200);
    const pump = () => {
      while (!response.destroyed && response.write('x'.repeat(1024))) written += 1024;
      if (!response.destroyed) response.once('drain', pump);
    };
    pump();
  });
  expect(await post(url)).toMatchObject({ status: 200, error: null });
  expect(written).toBeLessThan(8 * 1024 * 1024);
});

test('a receiver that says nothing in time has not answered', async () => {
  const { url } = await receive(() => undefined);
  expect(await post(url, { ...sender(), timeoutMs: 100 })).toMatchObject({
    status: null,
    error: 'no answer within 0.1 s',
  });
});

test('a receiver that is not there is told as such', async () => {
  expect(await post('http://127.0.0.1:1/')).toMatchObject({
    status: null,
    error: 'could not be reached (ECONNREFUSED)',
  });
});

test('an attempt that is given up is no attempt', async () => {
  const controller = new AbortController();
  const { url } = await receive(() => controller.abort(new Error('draining')));
  await expect(post(url, { ...sender(), signal: controller.signal })).rejects.toThrow('draining');
});

const resolves = (...addresses: string[]): Resolve => {
  return (_hostname, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
};

test.for([[['127.0.0.1']], [['8.8.8.8', '127.0.0.1']], [['::1']], [['::ffff:127.0.0.1']], [['169.254.169.254']]])(
  'a host name that leads to %s is not connected to',
  async ([addresses]) => {
    const { heard, port } = await receive(answerWith(200));
    const options = sender(createGuardedAgent(false, resolves(...(addresses ?? []))));
    expect(await post(`http://innocent.example:${port}/`, options)).toMatchObject({
      status: null,
      error: 'the host leads to an address that is not public',
    });
    expect(heard).toEqual([]);
  },
);

test('the connection goes to the address that was looked at, and the name is asked for once', async () => {
  const { heard, port } = await receive(answerWith(200));
  let asked = 0;
  const options = sender(
    createGuardedAgent(true, (hostname, done) => {
      asked += 1;
      resolves('127.0.0.1')(hostname, done);
    }),
  );
  expect(await post(`http://development.example:${port}/`, options)).toMatchObject({ status: 200, error: null });
  expect(heard).toMatchObject([{ headers: { host: `development.example:${port}` } }]);
  expect(asked).toBe(1);
});
