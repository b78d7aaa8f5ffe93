import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { digestOf } from '../../admission/canonical-json.ts';
import type { GenerationRequest } from '../../admission/generation-request.ts';
import { parseCacheHeaders } from '../../http/cache-control.ts';
import { header } from '../../http/header.ts';
import { invalidField } from '../../http/invalid-field.ts';
import type { Preferences } from '../../http/prefer.ts';
import { type GenerateBody, toCacheOptions, toGeneration } from './generate-body.ts';

/** What a request to /v1/generate asks of admission. Throws `invalid_request` where no user is named. */
export function toGenerationRequest(
  request: FastifyRequest,
  body: GenerateBody,
  endpoint: string,
  { respondAsync, waitS }: Preferences,
): GenerationRequest {
  const { tenantId } = request.caller;
  const { gateway: _ours, ...asked } = body;
  const userId = userOf(request, body);
  return {
    tenantId,
    userId,
    endpoint,
    model: body.model,
    generation: toGeneration(body),
    cache: toCacheOptions(
      body,
      parseCacheHeaders((name) => header(request, name)),
    ),
    metadata: body.metadata ?? {},
    requestId: request.id,
    clientRequestId: body.request_id ?? randomUUID(),
    fingerprint: digestOf({ tenantId, endpoint, userId, asked }),
    isRetry: isRetry(request),
    isWaitedFor: !respondAsync || (waitS ?? 0) > 0,
  };
}

function userOf(request: FastifyRequest, { user_id }: GenerateBody): string {
  const named = header(request, 'x-user-id');
  const userId = named ?? user_id ?? request.caller.userId;
  if (userId === undefined) throw invalidField('/user_id', 'is required');
  // The body's own has passed its schema.
  if (userId === '' || userId.length > 128) throw invalidField('x-user-id', 'must have 1 to 128 characters');
  return userId;
}

/** Both official SDKs count their retries in this header; nothing else tells a retry from an equal new request. */
const isRetry = (request: FastifyRequest) =>
  Number(header(request, 'x-stainless-retry-count')) >= 1 && header(request, 'x-gateway-retry-attach') !== 'off';
