import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Admission } from '../../admission/admit.ts';
import type { GenerationRequest } from '../../admission/generation-request.ts';
import { logAnswered } from '../../generation/log-answered.ts';
import { toGenerateAnswer } from './generate-answer.ts';

/** An answer from the cache: the stored tokens and cost, while this request costs nothing. */
export function sendHit(
  request: FastifyRequest,
  reply: FastifyReply,
  { model: asked, userId, clientRequestId }: Pick<GenerationRequest, 'model' | 'clientRequestId' | 'userId'>,
  { model, hit }: Extract<Admission, { kind: 'cached' }>,
): FastifyReply {
  const { entry, ageMs, ttlMs } = hit;
  reply.headers({
    'x-job-id': entry.job,
    'cache-status': `gateway; hit; ttl=${Math.ceil(ttlMs / 1000)}`,
    age: String(Math.floor(ageMs / 1000)),
    'x-gateway-attempts': '0',
    'x-cost-usd': '0',
    'cache-control': 'no-store',
  });
  const { job: jobId, answer } = entry;
  logAnswered(request, reply, { jobId, userId, model: asked, answer, cached: true });
  return reply.send(
    toGenerateAnswer(answer, {
      jobId,
      model: asked,
      provider: model.provider,
      requestId: clientRequestId,
      cached: true,
      latencyMs: reply.elapsedTime,
    }),
  );
}
