import { randomUUID } from 'node:crypto';
import { digestOf } from '../admission/canonical-json.ts';
import type { GenerationRequest, QueueOptions } from '../admission/generation-request.ts';
import type { Caller } from '../auth/caller.ts';
import { requireOwnUser } from '../auth/require-scope.ts';
import { type CacheOptions, parseCacheHeaders } from '../http/cache-control.ts';
import { parseIdempotencyKey } from '../http/idempotency-key.ts';
import { invalidField, invalidHeader } from '../http/invalid-field.ts';
import type { Preferences } from '../http/prefer.ts';
import { parseQueueHeaders } from '../http/queue-options.ts';
import type { AskedBody } from './asked-body.ts';
import type { GenerationEndpoint } from './generation-endpoint.ts';
import { readProviderHeaders, withHeaders } from './provider-headers.ts';

/** Who asks, and with what headers. */
export interface Asker {
  caller: Caller;
  /** Of the HTTP request. */
  requestId: string;
  method: string;
  header: (name: string) => string | undefined;
}

/** What wraps a body that is sent to be queued: `POST /v1/jobs`. */
export interface JobEnvelope {
  /** The path that was asked, which scopes an Idempotency-Key. */
  path: string;
  /** What of the envelope makes another job of the same body. */
  asked: object;
  queue: Partial<QueueOptions>;
  metadata?: Record<string, string> | undefined;
}

/**
 * What a request asks of admission. Throws `invalid_request` where no user is named, `forbidden` for another than the
 * key's, `malformed_request` for a header.
 */
export function toGenerationRequest(
  asker: Asker,
  { path: endpoint, dialect, providerHeaders }: Pick<GenerationEndpoint, 'path' | 'dialect' | 'providerHeaders'>,
  body: AskedBody,
  { respondAsync, waitS, isStrict = false }: Preferences,
  envelope?: JobEnvelope,
): GenerationRequest {
  const { caller, header, requestId, method } = asker;
  const { tenantId, keyId, models, boundUserId } = caller;
  const userId = userOf(asker, body);
  const path = envelope?.path ?? endpoint;
  const key = parseIdempotencyKey(header('idempotency-key'));
  const headers = readProviderHeaders(header, providerHeaders);
  const isLeft = envelope !== undefined || respondAsync || body.isBackground;
  const isStreamed = body.isStreamed && envelope === undefined && !respondAsync;
  return {
    tenantId,
    keyId,
    models,
    userId,
    share: shareOf(caller, userId),
    endpoint,
    dialect,
    model: body.model,
    generation: withHeaders(body.generation, headers),
    nativeOnly: body.nativeOnly,
    cache: cacheOf(body, parseCacheHeaders(header)),
    metadata: envelope?.metadata ?? body.metadata,
    requestId,
    clientRequestId: body.clientRequestId ?? randomUUID(),
    fingerprint: digestOf({ tenantId, endpoint: path, userId, asked: body.asked, job: envelope?.asked, headers }),
    isRetry: isRetry(header),
    idempotency:
      key === undefined ? undefined : { digest: digestOf({ tenantId, boundUserId, method, path, key }), isStrict },
    isWaitedFor: isStreamed || !isLeft || (waitS ?? 0) > 0,
    isStreamed,
    isUnrepeatable: isStreamed && dialect !== 'native',
    isBatch: false,
    wantsJob: envelope !== undefined || dialect !== 'native',
    isBackground: isLeft,
    isStored: body.isStored,
    queue: { ...body.queue, ...parseQueueHeaders(header), ...envelope?.queue },
  };
}

/** Headers go before the body, and neither can make an answer be shared that must not be. */
function cacheOf({ caching, cache: said }: AskedBody, headers: CacheOptions): CacheOptions {
  const cache = { ...said, ...headers };
  if (caching === 'never') return { ...cache, mode: 'off' };
  return caching === 'when-asked' && cache.mode === undefined ? { ...cache, mode: 'off' } : cache;
}

/**
 * Whose share of a lane a job is counted against. Where requests need no key there is one tenant, and what is shared out
 * is shared among its users.
 */
const shareOf = ({ role, tenantId }: Caller, userId: string): string =>
  role === 'open' ? `user:${userId}` : `tenant:${tenantId}`;

function userOf({ caller, header }: Asker, { user, fallbackUserId }: AskedBody): string {
  const named = header('x-user-id');
  const userId = named ?? user?.id ?? caller.userId ?? fallbackUserId;
  if (userId === undefined) throw invalidField('/user_id', 'is required');
  requireOwnUser(caller, named, 'x-user-id');
  if (user) requireOwnUser(caller, user.id, user.pointer);
  // The body's own has passed its schema.
  if (userId === '' || userId.length > 128) throw invalidHeader('x-user-id', 'must have 1 to 128 characters');
  return userId;
}

/** Both official SDKs count their retries in this header; nothing else tells a retry from an equal new request. */
const isRetry = (header: Asker['header']) =>
  Number(header('x-stainless-retry-count')) >= 1 && header('x-gateway-retry-attach') !== 'off';
