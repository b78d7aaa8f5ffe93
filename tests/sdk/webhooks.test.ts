import { randomUUID } from 'node:crypto';
import { send } from '@llm-gateway/testkit/start-gateway';
import { type Receiver, startReceiver } from '@llm-gateway/testkit/start-receiver';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gpt, openAI, openAIMajors } from './clients.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway({ ALLOW_INSECURE_WEBHOOKS: 'true' });

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver?.close());

describe.concurrent.for(openAIMajors)('%s', (major) => {
  test.for([
    ['response.completed', gpt],
    ['response.failed', 'openai/sandbox/status-400'],
  ] as const)('reads of the end of a background response by webhook: %s', async ([type, model]) => {
    const { secret } = (await send(`${world.url}/v1/webhooks/secret`)).body;
    const client = openAI(major, world.url).withOptions({ webhookSecret: secret });
    const path = `/${randomUUID()}`;
    const webhook = { url: `${receiver.url}${path}`, events: ['response.completed', 'response.failed'] };
    const body = { model, input: 'Tell me later', background: true, gateway: { webhook } };
    const { id } = await client.responses.create(body);
    const received = await waitFor(() => receiver.at(path).find((one) => JSON.parse(one.body).type === type), {
      what: `${type} is delivered`,
    });
    const event = await client.webhooks.unwrap(received.body, received.headers as Record<string, string>);
    expect(event).toMatchObject({ type, data: { id } });
    await expect(
      client.webhooks.unwrap(`${received.body} `, received.headers as Record<string, string>),
    ).rejects.toThrow();
  });
});
