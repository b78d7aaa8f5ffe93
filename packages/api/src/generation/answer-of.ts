import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';

/** The answer of a job that has ended. Throws its failure: a job that was stopped in mid-call keeps what it was charged for, and that is no answer. */
export function answerOf(id: string, { answer, failure }: Pick<JobRecord, 'answer' | 'failure'>): PricedAnswer {
  if (answer && !failure) return answer;
  throw new GatewayError(failure ?? { code: 'internal', detail: `Job ${id} ended without an answer.` });
}
