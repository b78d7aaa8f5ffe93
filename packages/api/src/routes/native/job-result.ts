import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { type GenerateAnswer, toGenerateAnswer } from './generate-answer.ts';

/** What the waiting request of a job was or would have been answered; undefined for a job without an answer. */
export function toJobResult(id: string, record: JobRecord): GenerateAnswer | undefined {
  const { answer, failure } = record;
  if (!answer || failure) return undefined;
  return toGenerateAnswer(answer, {
    jobId: id,
    model: record.model,
    provider: resolveModel(record.target)?.provider ?? record.lane,
    requestId: record.clientRequest,
    cached: record.cached === true,
    latencyMs: (record.finishedMs ?? record.createdMs) - record.createdMs,
  });
}
