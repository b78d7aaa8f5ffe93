import { nativeTranslator } from '../../delivery/event-frames.ts';
import { nativeManner } from '../../delivery/stream-connections.ts';
import type { AskedBody } from '../../generation/asked-body.ts';
import { toCacheOptions, toQueueOptions } from '../../generation/gateway-member.ts';
import { defineEndpoint } from '../../generation/generation-endpoint.ts';
import { inlineResult } from '../../generation/inline-result.ts';
import { toJobAnswer } from './generate-answer.ts';
import { type GenerateBody, generateBody, toGeneration } from './generate-body.ts';

/** `POST /v1/generate` */
export const generateEndpoint = defineEndpoint({
  path: '/v1/generate',
  dialect: 'native',
  body: generateBody,
  read,
  toResult: toJobAnswer,
  translate: (id) => nativeTranslator(id, inlineResult(toJobAnswer)),
  manner: nativeManner,
});

function read(body: GenerateBody): AskedBody {
  // Ways to take the answer, which do not make it another one.
  const { gateway, stream, webhook, ...asked } = body;
  return {
    model: body.model,
    generation: toGeneration(body),
    nativeOnly: [],
    asked,
    isStreamed: stream === true,
    isBackground: false,
    user: body.user_id === undefined ? undefined : { id: body.user_id, pointer: '/user_id' },
    caching: 'unless-refused',
    cache: toCacheOptions(gateway),
    queue: toQueueOptions(gateway, webhook),
    metadata: body.metadata ?? gateway?.metadata ?? {},
    clientRequestId: body.request_id,
  };
}
