import { isCacheable } from '@llm-gateway/shared/cache/cache-entry';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { usdText } from '@llm-gateway/shared/pricing/format-usd';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { answerOf } from './answer-of.ts';
import type { GenerationEndpoint } from './generation-endpoint.ts';
import { logAnswered } from './log-answered.ts';
import { modelHeaders } from './model-headers.ts';

/** The result of a job that has ended: its answer in the terms of its endpoint, or its failure as the error that it is. */
export function sendResult(
  request: FastifyRequest,
  reply: FastifyReply,
  endpoint: GenerationEndpoint,
  id: string,
  record: JobRecord,
  latencyMs?: number,
): FastifyReply {
  request.dialect = endpoint.dialect;
  reply.header('x-gateway-attempts', String(record.attempt));
  const model = resolveModel(record.answer?.target ?? record.target);
  if (model) reply.headers(modelHeaders(model));
  const answer = answerOf(id, record);
  const status = reply.getHeader('cache-status');
  if (status === 'gateway; fwd=miss' || status === 'gateway; fwd=request') {
    const isStored = record.cacheDigest !== undefined && isCacheable(answer);
    reply.header('cache-status', isStored ? `${status}; stored` : status);
  }
  const nanoUsd = record.free ? '0' : answer.costNanoUsd;
  if (nanoUsd !== null) reply.header('x-cost-usd', usdText(BigInt(nanoUsd)));
  logAnswered(request, reply, {
    jobId: id,
    userId: record.user,
    model: record.model,
    answer,
    cached: record.cached === true,
  });
  return reply.header('cache-control', 'no-store').send(endpoint.toResult(id, record, latencyMs));
}
