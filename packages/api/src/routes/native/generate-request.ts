import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { digestOf } from '../../admission/canonical-json.ts';
import type { GenerationRequest, QueueOptions } from '../../admission/generation-request.ts';
import type { Caller } from '../../auth/caller.ts';
import { requireOwnUser } from '../../auth/require-scope.ts';
import { parseCacheHeaders } from '../../http/cache-control.ts';
import { header } from '../../http/header.ts';
import { parseIdempotencyKey } from '../../http/idempotency-key.ts';
import { invalidField, invalidHeader } from '../../http/invalid-field.ts';
import type { Preferences } from '../../http/prefer.ts';
import { parseQueueHeaders } from '../../http/queue-options.ts';
import { type GenerateBody, toCacheOptions, toGeneration, toQueueOptions } from './generate-body.ts';

/** What wraps a body that is sent to be queued: `POST /v1/jobs`. */
export interface JobEnvelope {
  /** The path that was asked, which scopes an Idempotency-Key. */
  path: string;
  /** What of the envelope makes another job of the same body. */
  asked: object;
  queue: Partial<QueueOptions>;
  metadata?: Record<string, string> | undefined;
}

/** What a request to /v1/generate asks of admission. Throws `invalid_request` where no user is named, `forbidden` for another than the key's, `malformed_request` for a header. */
export function toGenerationRequest(
  request: FastifyRequest,
  body: GenerateBody,
  endpoint: string,
  { respondAsync, waitS, isStrict = false }: Preferences,
  envelope?: JobEnvelope,
): GenerationRequest {
  const { tenantId, keyId, models, boundUserId } = request.caller;
  // Ways to take the answer, which do not make it another one.
  const { gateway, stream, webhook: _webhook, ...asked } = body;
  const get = (name: string) => header(request, name);
  const userId = userOf(request, body);
  const path = envelope?.path ?? endpoint;
  const key = parseIdempotencyKey(get('idempotency-key'));
  return {
    tenantId,
    keyId,
    models,
    userId,
    share: shareOf(request.caller, userId),
    endpoint,
    model: body.model,
    generation: toGeneration(body),
    cache: toCacheOptions(body, parseCacheHeaders(get)),
    metadata: envelope?.metadata ?? body.metadata ?? gateway?.metadata ?? {},
    requestId: request.id,
    clientRequestId: body.request_id ?? randomUUID(),
    fingerprint: digestOf({ tenantId, endpoint: path, userId, asked, job: envelope?.asked }),
    isRetry: isRetry(request),
    idempotency:
      key === undefined
        ? undefined
        : { digest: digestOf({ tenantId, boundUserId, method: request.method, path, key }), isStrict },
    isWaitedFor: (envelope === undefined && !respondAsync) || (waitS ?? 0) > 0,
    isStreamed: stream === true && envelope === undefined && !respondAsync,
    wantsJob: envelope !== undefined,
    isBackground: envelope !== undefined || respondAsync,
    queue: { ...toQueueOptions(body, parseQueueHeaders(get)), ...envelope?.queue },
  };
}

/**
 * Whose share of a lane a job is counted against. Where requests need no key there is one tenant, and what is shared out
 * is shared among its users.
 */
const shareOf = ({ role, tenantId }: Caller, userId: string): string =>
  role === 'open' ? `user:${userId}` : `tenant:${tenantId}`;

function userOf(request: FastifyRequest, { user_id }: GenerateBody): string {
  const named = header(request, 'x-user-id');
  const userId = named ?? user_id ?? request.caller.userId;
  if (userId === undefined) throw invalidField('/user_id', 'is required');
  const { caller } = request;
  requireOwnUser(caller, named, 'x-user-id');
  requireOwnUser(caller, user_id, '/user_id');
  // The body's own has passed its schema.
  if (userId === '' || userId.length > 128) throw invalidHeader('x-user-id', 'must have 1 to 128 characters');
  return userId;
}

/** Both official SDKs count their retries in this header; nothing else tells a retry from an equal new request. */
const isRetry = (request: FastifyRequest) =>
  Number(header(request, 'x-stainless-retry-count')) >= 1 && header(request, 'x-gateway-retry-attach') !== 'off';
