import { isCacheable } from '@llm-gateway/shared/cache/cache-entry';
import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { events } from '@llm-gateway/shared/observability/logger';
import { costUsd } from '@llm-gateway/shared/pricing/cost-usd';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CacheHit } from '../../admission/cache-lookup.ts';
import type { GenerationRequest } from '../../admission/generation-request.ts';
import { type GenerateAnswer, toGenerateAnswer } from './generate-answer.ts';

/** The request that an answer goes to, which need not be the one that paid for it. */
export interface Origin {
  wanted: Pick<GenerationRequest, 'model' | 'clientRequestId' | 'userId'>;
  model: ResolvedModel;
  /** What the answer took, where that is not the time of this request. */
  latencyMs?: number;
}

/** The request that a job was accepted for, for one that gets the same answer again. */
export const originOf = (record: JobRecord, model: ResolvedModel): Origin => ({
  wanted: { model: record.model, clientRequestId: record.clientRequest, userId: record.user },
  model,
  latencyMs: (record.finishedMs ?? record.createdMs) - record.createdMs,
});

/** Of every answer that tells of a generation. */
export const modelHeaders = ({ id, provider }: ResolvedModel) => ({
  'x-gateway-model': id,
  'x-gateway-provider': provider,
});

/** An answer from the cache: the stored tokens and cost, while this request costs nothing. */
export function sendHit(
  request: FastifyRequest,
  reply: FastifyReply,
  origin: Origin,
  { entry, ageMs, ttlMs }: CacheHit,
) {
  reply.headers({
    'x-job-id': entry.job,
    'cache-status': `gateway; hit; ttl=${Math.ceil(ttlMs / 1000)}`,
    age: String(Math.floor(ageMs / 1000)),
    'x-gateway-attempts': '0',
    'x-cost-usd': '0',
  });
  return send(request, reply, origin, entry.job, entry.answer, true);
}

/** The result of a job that has ended: its answer, or its failure as the error that it is. */
export function sendResult(
  request: FastifyRequest,
  reply: FastifyReply,
  origin: Origin,
  id: string,
  record: JobRecord,
) {
  reply.header('x-gateway-attempts', String(record.attempt));
  // A job that was stopped in mid-call keeps what it was charged for; that is no answer.
  if (!record.answer || record.failure) {
    throw new GatewayError(record.failure ?? { code: 'internal', detail: `Job ${id} ended without an answer.` });
  }
  const status = reply.getHeader('cache-status');
  if (status === 'gateway; fwd=miss' || status === 'gateway; fwd=request') {
    const isStored = record.cacheDigest !== undefined && isCacheable(record.answer);
    reply.header('cache-status', isStored ? `${status}; stored` : status);
  }
  const cost = record.free ? 0 : costUsd(record.answer);
  if (cost !== null) reply.header('x-cost-usd', String(cost));
  return send(request, reply, origin, id, record.answer, record.cached === true);
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { wanted, model, latencyMs }: Origin,
  jobId: string,
  answer: PricedAnswer,
  cached: boolean,
) {
  const body: GenerateAnswer = toGenerateAnswer(answer, {
    jobId,
    model: wanted.model,
    provider: model.provider,
    requestId: wanted.clientRequestId,
    cached,
    latencyMs: latencyMs ?? reply.elapsedTime,
  });
  request.log.info(
    {
      event: events.responseGenerated,
      job_id: jobId,
      user_id: wanted.userId,
      model: wanted.model,
      cached,
      prompt_tokens: body.prompt_tokens,
      completion_tokens: body.completion_tokens,
      cost_usd: cached ? 0 : body.cost_usd,
      latency_ms: body.latency_ms,
    },
    'response generated',
  );
  return reply.header('cache-control', 'no-store').send(body);
}
