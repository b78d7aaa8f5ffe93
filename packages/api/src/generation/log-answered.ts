import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { events } from '@llm-gateway/shared/observability/logger';
import { costUsd } from '@llm-gateway/shared/pricing/cost-usd';
import type { FastifyReply, FastifyRequest } from 'fastify';

interface Answered {
  jobId: string;
  userId: string;
  /** As the client named it. */
  model: string;
  answer: PricedAnswer;
  /** Whether the cache had it. */
  cached: boolean;
}

/** Logs that a request has got its answer. */
export function logAnswered(request: FastifyRequest, reply: FastifyReply, answered: Answered): void {
  const { jobId, userId, model, answer, cached } = answered;
  request.log.info(
    {
      event: events.responseGenerated,
      job_id: jobId,
      user_id: userId,
      model,
      cached,
      prompt_tokens: answer.usage.promptTokens,
      completion_tokens: answer.usage.completionTokens,
      cost_usd: cached ? 0 : costUsd(answer),
      latency_ms: Math.round(reply.elapsedTime * 1000) / 1000,
    },
    'response generated',
  );
}
