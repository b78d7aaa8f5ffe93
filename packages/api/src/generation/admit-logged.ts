import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { events } from '@llm-gateway/shared/observability/logger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Admission, type AdmittedJob, admit } from '../admission/admit.ts';
import { BudgetExceeded } from '../admission/budget-exceeded.ts';
import type { GenerationRequest } from '../admission/generation-request.ts';
import { RateLimited } from '../admission/limit.ts';
import type { ApiDeps } from '../deps.ts';
import { dialectOfRequest } from '../http/dialect.ts';
import { limitHeaders } from '../http/limit-headers.ts';
import { modelHeaders } from './model-headers.ts';

/** Admission with what is said of it: in the log, in metrics, and to the client in headers. */
export async function admitLogged(
  request: FastifyRequest,
  reply: FastifyReply,
  wanted: GenerationRequest,
  { admission, metrics }: Pick<ApiDeps, 'admission' | 'metrics'>,
): Promise<Admission> {
  const dialect = dialectOfRequest(request);
  const about = { user_id: wanted.userId, model: wanted.model };
  request.log.info(
    { event: events.requestReceived, ...about, client_request_id: wanted.clientRequestId },
    'request received',
  );
  try {
    const admitted = await admit(wanted, admission);
    metrics.admissions.inc({ outcome: admitted.kind });
    reply.headers({ ...limitHeaders(admitted.rates, dialect), ...modelHeaders(admitted.model) });
    if (admitted.kind === 'cached') {
      request.log.info({ event: events.cacheHit, ...about }, 'cache hit');
    } else {
      reply.headers({ 'x-job-id': admitted.id, 'cache-status': cacheStatus(admitted) });
      if (admitted.kind === 'replayed') reply.header('idempotent-replayed', 'true');
      if (admitted.cache.hit) reply.header('age', String(Math.floor(admitted.cache.hit.ageMs / 1000)));
    }
    return admitted;
  } catch (error) {
    metrics.admissions.inc({ outcome: error instanceof GatewayError ? error.failure.code : 'internal' });
    if (error instanceof RateLimited || error instanceof BudgetExceeded) {
      reply.headers(limitHeaders(error.decision, dialect));
    }
    if (error instanceof RateLimited) {
      request.log.warn(
        { event: events.rateLimitExceeded, ...about, retry_after_ms: error.decision.retryAfterMs },
        'limit reached',
      );
    }
    throw error;
  }
}

/** In the terms of RFC 9211. A job that another one's call answers is one that was collapsed into it. */
function cacheStatus({ kind, cache }: AdmittedJob): string {
  if (kind === 'answered') return `gateway; hit; ttl=${Math.ceil((cache.hit?.ttlMs ?? 0) / 1000)}`;
  if (kind === 'accepted') return `gateway; fwd=${cache.forwarded ?? 'miss'}`;
  return 'gateway; fwd=miss; collapsed';
}
