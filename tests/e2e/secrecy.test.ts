import '@llm-gateway/testkit/provided-context';
import { randomBytes, randomUUID } from 'node:crypto';
import { openStream, streamGenerate } from '@llm-gateway/testkit/event-stream-client';
import { adminKey, type Gateway, post, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { answerWith, type Receiver, startReceiver } from '@llm-gateway/testkit/start-receiver';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

let gateway: Gateway;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    environment: {
      ALLOW_INSECURE_WEBHOOKS: 'true',
      MAX_REQUESTS_PER_MINUTE: '1000',
      ADMIN_API_KEY: adminKey,
      LOG_LEVEL: 'trace',
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  receiver?.close();
});

const jobs = '/v1/jobs';
const asAdmin = { headers: { authorization: `Bearer ${adminKey}` } };

test('what is told in confidence is in no log, no metric and no queue', async () => {
  const { secret: tenants } = (await send(`${gateway.url}/v1/webhooks/secret`)).body;
  const endpoint = (
    await post(`${gateway.url}/v1/webhook-endpoints`, { url: `${receiver.url}/endpoint?token=${randomUUID()}` })
  ).body;
  const own = `whsec_${randomBytes(32).toString('base64')}`;
  const [said, key, token] = [randomUUID(), randomUUID(), randomUUID()];
  const forged = `\r\n{"level":"info","event":"forged"}\r\n`;
  receiver.answer(`/own?token=${token}`, answerWith(410));

  const body = { prompt: `said ${said}${forged}`, model: 'sandbox/echo', user_id: `u${forged}`, request_id: forged };
  const envelope = {
    endpoint: '/v1/generate',
    body,
    custom_id: `custom ${said}${forged}`,
    metadata: { note: `note ${said}${forged}` },
    webhook: { url: `${receiver.url}/own?token=${token}`, secret: own, include: ['result'] },
  };
  const accepted = await post(`${gateway.url}${jobs}`, envelope, { 'idempotency-key': key });
  expect(accepted.status).toBe(202);
  await post(`${gateway.url}${jobs}`, { ...envelope, custom_id: 'another' }, { 'idempotency-key': key });
  await post(`${gateway.url}${jobs}`, { ...envelope, webhook: `ftp://${token}@example.com` });
  await post(`${gateway.url}${jobs}`, { ...envelope, priority: `eleven ${said}` });
  await (await openStream(`${gateway.url}${jobs}/${accepted.body.id}/events`)).take();
  const stream = await streamGenerate(gateway.url, { ...body, prompt: `streamed ${said}` });
  expect(JSON.stringify(await stream.take())).toContain(said);
  const output = () => [...gateway.apis, ...gateway.workers].map((one) => one.output()).join('');
  await waitFor(() => output().includes('webhook_failed'), { what: 'the webhook was refused' });

  const queue = `/admin/queues/api/queues?activeQueue=webhook-delivery&status=latest&page=1&jobsPerPage=100`;
  const shown = await send(gateway.url + queue, asAdmin);
  expect(JSON.stringify(shown.body)).toContain('dlv_');
  const places = {
    logs: output(),
    board: JSON.stringify(shown.body),
    metrics: String((await send(`${gateway.url}/metrics`, asAdmin)).body),
  };
  for (const [place, text] of Object.entries(places)) {
    for (const secret of [said, key, token, own, tenants, endpoint.secret, adminKey]) {
      expect(text.includes(secret), `${secret} in ${place}`).toBe(false);
    }
  }
  const lines = places.logs.split('\n').filter((line) => line !== '');
  expect(lines.map((line) => JSON.parse(line).event)).not.toContain('forged');
});
