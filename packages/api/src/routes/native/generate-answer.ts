import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { costUsd } from '@llm-gateway/shared/pricing/cost-usd';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { z } from 'zod';
import { answerOf } from '../../generation/answer-of.ts';

/** Answer of `POST /v1/generate`: nine members that never change, and a few that help. */
export const generateAnswer = z
  .object({
    completion: z.string(),
    model: z.string(),
    total_tokens: z.int(),
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    cost_usd: z.number().nullable().describe('null when no price is known for the model; see warnings'),
    request_id: z.string(),
    cached: z.boolean(),
    latency_ms: z.number(),
    job_id: z.string(),
    provider: z.string(),
    finish_reason: z.string(),
    warnings: z.array(z.string()).optional(),
  })
  .meta({
    id: 'GenerateAnswer',
    examples: [
      {
        completion: 'Transformers are neural networks that …',
        model: 'gpt-4o',
        total_tokens: 54,
        prompt_tokens: 11,
        completion_tokens: 43,
        cost_usd: 0.0004575,
        request_id: 'c9fa2fb5-80d9-4889-a7a4-11805d771b5d',
        cached: false,
        latency_ms: 85.156,
        job_id: 'job_01M84AFMN7N75S4NC9P52Q6ACC',
        provider: 'openai',
        finish_reason: 'stop',
      },
    ],
  });

export type GenerateAnswer = z.infer<typeof generateAnswer>;

export interface AnswerContext {
  jobId: string;
  model: string;
  provider: string;
  requestId: string;
  cached: boolean;
  latencyMs: number;
}

/** The last step of the native dialect. */
export function toGenerateAnswer(answer: PricedAnswer, context: AnswerContext): GenerateAnswer {
  const warnings = [
    ...(answer.costNanoUsd === null ? [`No price is known for ${context.model}: its cost is missing, not zero.`] : []),
    ...(answer.usageSource === 'estimated' ? ['The provider reported no usage: tokens and cost are estimates.'] : []),
  ];
  return {
    completion: answer.text,
    model: context.model,
    total_tokens: answer.usage.totalTokens,
    prompt_tokens: answer.usage.promptTokens,
    completion_tokens: answer.usage.completionTokens,
    cost_usd: costUsd(answer),
    request_id: context.requestId,
    cached: context.cached,
    latency_ms: Math.round(context.latencyMs * 1000) / 1000,
    job_id: context.jobId,
    provider: context.provider,
    finish_reason: answer.finishReason.unified,
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}

/** What the waiting request of a job was or would have been answered. */
export const toJobAnswer = (
  id: string,
  record: JobRecord,
  latencyMs = (record.finishedMs ?? record.createdMs) - record.createdMs,
): GenerateAnswer =>
  toGenerateAnswer(answerOf(id, record), {
    jobId: id,
    model: record.model,
    provider: resolveModel(record.answer?.target ?? record.target)?.provider ?? record.lane,
    requestId: record.clientRequest,
    cached: record.cached === true,
    latencyMs,
  });
