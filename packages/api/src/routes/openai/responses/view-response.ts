import { answerParts, type PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { deltasOfParts } from '@llm-gateway/shared/contracts/deltas';
import type { Failure } from '@llm-gateway/shared/contracts/failure';
import type { JobState } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { answerOf } from '../../../generation/answer-of.ts';
import { errorReply } from '../../../http/error-body.ts';
import { ItemWriter } from './item-writer.ts';
import {
  headOf,
  ownResponse,
  type ResponseHead,
  type ResponseState,
  type ResponseStatus,
  toResponse,
} from './response-object.ts';

/** The provider's own response, where it was asked in this dialect. */
export const nativeOf = ({ native }: Pick<PricedAnswer, 'native'>): Record<string, unknown> | undefined =>
  native?.api === 'responses' ? native.body : undefined;

/** The 200 body of a job that has an answer. Throws its failure. */
export function toResponseResult(jobId: string, record: JobRecord): object {
  const answer = answerOf(jobId, record);
  const head = headOf(jobId, record);
  const native = nativeOf(answer);
  if (native) return ownResponse(head, native);
  const writer = new ItemWriter(jobId);
  for (const delta of deltasOfParts(answerParts(answer))) writer.add(delta);
  writer.finish(endOf(answer).status);
  return answered(head, record, answer, writer.items());
}

/** A response in whatever state its job is. */
export function viewResponse(jobId: string, record: JobRecord): object {
  if (record.answer && !record.failure && statuses[record.state] !== 'queued') return toResponseResult(jobId, record);
  return unanswered(headOf(jobId, record), record);
}

const statuses: Record<JobState, ResponseStatus> = {
  queued: 'queued',
  in_progress: 'in_progress',
  completed: 'completed',
  incomplete: 'incomplete',
  failed: 'failed',
  cancelled: 'cancelled',
  expired: 'failed',
};

/** How an answer that is no provider's response ended. */
export function endOf({ finishReason }: Pick<PricedAnswer, 'finishReason'>): {
  status: 'completed' | 'incomplete';
  incompleteReason?: string;
} {
  if (finishReason.unified === 'length') return { status: 'incomplete', incompleteReason: 'max_output_tokens' };
  if (finishReason.unified === 'content_filter') return { status: 'incomplete', incompleteReason: 'content_filter' };
  return { status: 'completed' };
}

/** The response of an answer that is no provider's response. */
export function answered(
  head: ResponseHead,
  { finishedMs }: Pick<JobRecord, 'finishedMs'>,
  answer: PricedAnswer,
  output: readonly object[],
): object {
  const end = endOf(answer);
  return toResponse(head, {
    ...end,
    model: answer.providerModel,
    output,
    usage: answer.usage,
    completedMs: end.status === 'completed' ? finishedMs : undefined,
  });
}

/** The response of a job that has no answer: it has not ended, or it failed. */
export function unanswered(
  head: ResponseHead,
  { state, failure, request, answer }: Pick<JobRecord, 'state' | 'failure' | 'request' | 'answer'>,
  output: readonly object[] = [],
): object {
  const status = statuses[state];
  const shown: ResponseState = {
    status,
    model: head.model,
    output,
    usage: state === 'queued' ? undefined : answer?.usage,
  };
  if (status === 'failed') shown.error = errorOf(failure ?? endedWithoutAnswer, request);
  return toResponse(head, shown);
}

export const endedWithoutAnswer: Failure = { code: 'internal', detail: 'The response ended without an answer.' };

interface Told {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

/** A failure as OpenAI's envelope has it. */
export const tellFailure = (failure: Failure, requestId: string): Told =>
  (errorReply('openai', failure, { requestId }).body as { error: Told }).error;

function errorOf(failure: Failure, requestId: string): { code: string; message: string } {
  const { code, type, message } = tellFailure(failure, requestId);
  return { code: code ?? type, message };
}
