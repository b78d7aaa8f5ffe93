// Be told of the end. The receiver checks the signature (Standard Webhooks: HMAC-SHA256 over id, time and the exact bytes)
// before it believes a word. A receiver on this machine needs ALLOW_INSECURE_WEBHOOKS=true where the gateway runs.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { call } from './gateway.mjs';

const { body: ours } = await call('GET', '/v1/webhooks/secret');
const secret = Buffer.from(ours.secret.replace(/^whsec_/, ''), 'base64');

// What is older may have been overheard and sent again.
const toleranceS = 300;

function isGenuine(headers, bytes) {
  const sentAt = headers['webhook-timestamp'];
  if (!(Math.abs(Date.now() / 1000 - Number(sentAt)) <= toleranceS)) return false;
  const expected = createHmac('sha256', secret).update(`${headers['webhook-id']}.${sentAt}.`).update(bytes).digest();
  // While a secret is being changed, the old one signs too.
  return (headers['webhook-signature'] ?? '').split(' ').some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

const receiver = createServer(async (request, response) => {
  // Bytes, not text: a character may be split between two chunks.
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (!isGenuine(request.headers, bytes)) return response.writeHead(401).end();
  response.writeHead(204).end();
  const { type, data } = JSON.parse(bytes);
  console.log(`${type}: ${data.id}, ${data.usage.total_tokens} tokens, signature true`);
  receiver.close();
});
receiver.listen(0, '127.0.0.1', async () => {
  const { status, body } = await call('POST', '/v1/jobs', {
    endpoint: '/v1/generate',
    body: { prompt: 'Tell me when you are done', model: 'gpt-4o', user_id: 'example-webhook' },
    webhook: { url: `http://127.0.0.1:${receiver.address().port}/hook`, events: ['job.completed'] },
  });
  if (status >= 300) {
    console.error(`${status}: ${body.detail}`);
    process.exit(1);
  }
  console.log(`accepted as ${body.id}`);
});
