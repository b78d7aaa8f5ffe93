import type { AskedBody } from '../../generation/asked-body.ts';
import { toCacheOptions, toQueueOptions } from '../../generation/gateway-member.ts';
import { defineEndpoint } from '../../generation/generation-endpoint.ts';
import { namedUser } from '../../generation/named-user.ts';
import { lastWords } from './dialect/last-words.ts';
import { isClientsOwn, type MessagesBody, messagesBody } from './dialect/messages-body.ts';
import { toGeneration } from './dialect/to-generation.ts';
import { toMessage } from './dialect/to-message.ts';
import { translateMessage } from './dialect/translate-message.ts';

/** `POST /v1/messages` */
export const messagesEndpoint = defineEndpoint({
  path: '/v1/messages',
  dialect: 'anthropic',
  body: messagesBody,
  read,
  toResult: toMessage,
  translate: translateMessage,
  manner: { opening: '', ...lastWords, tellsPlace: false },
  providerHeaders: ['anthropic-beta', 'anthropic-version'],
  fieldNames: {
    '/stop': '/stop_sequences',
    '/response_format': '/output_config/format',
    '/reasoning_effort': '/thinking',
  },
});

function read(body: MessagesBody): AskedBody {
  const { generation, nativeOnly } = toGeneration(body);
  // Ways to take the answer, which do not make it another one.
  const { gateway, stream, ...asked } = body;
  return {
    model: body.model,
    generation: { ...generation, native: { api: 'messages', body: asked } },
    nativeOnly,
    asked,
    isStreamed: stream === true,
    isBackground: false,
    user: namedUser(body.metadata?.user_id, '/metadata/user_id'),
    fallbackUserId: 'anonymous',
    caching: cachingOf(body),
    cache: toCacheOptions(gateway ?? undefined),
    queue: toQueueOptions(gateway ?? undefined),
    metadata: gateway?.metadata ?? {},
  };
}

/** What a provider's own tools do is done anew every time, and may be kept in a container. */
function cachingOf({ tools, mcp_servers, container, temperature }: MessagesBody): AskedBody['caching'] {
  const acts = tools?.some((tool) => !isClientsOwn(tool)) || mcp_servers?.length || container != null;
  if (acts) return 'never';
  return temperature === 0 ? 'unless-refused' : 'when-asked';
}
