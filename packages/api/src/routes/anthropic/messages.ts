import { dialectRoute } from '../../generation/dialect-route.ts';
import { anthropicError, message } from './answer-schemas.ts';
import { messagesEndpoint } from './messages-endpoint.ts';

export const messagesRoute = dialectRoute(messagesEndpoint, {
  tags: ['Anthropic'],
  summary: 'Create a message',
  description:
    "Anthropic's Messages API, for any model. A Claude is sent the body as it came, with `anthropic-beta` and " +
    '`anthropic-version`; for models of other providers it is translated, and what has no counterpart there is refused ' +
    'by name. With `stream: true` the answer is server-sent events of the same vocabulary. With ' +
    '`Prefer: respond-async` it is 202 and a job.',
  response: { 200: message, '4xx': anthropicError, '5xx': anthropicError },
});
