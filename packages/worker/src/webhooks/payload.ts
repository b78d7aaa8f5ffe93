import { idAs } from '@llm-gateway/shared/contracts/ids';
import { viewCost } from '@llm-gateway/shared/jobs/job-cost';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { responseEvents, type WebhookEvent, type WebhookWishes } from '@llm-gateway/shared/webhooks/job-webhook';
import { webhookBody } from '@llm-gateway/shared/webhooks/webhook-body';

export interface JobMoment {
  jobId: string;
  record: JobRecord;
  eventId: string;
  type: WebhookEvent;
  atMs: number;
}

// Beyond this the receiver has to fetch the result.
const resultMaxBytes = 256 * 1024;

/** The bytes that tell of a moment in a job's life. */
export function jobPayload(moment: JobMoment, { include = [] }: Pick<WebhookWishes, 'include'>): string {
  const { eventId, type, atMs, jobId } = moment;
  // An OpenAI receiver knows the id and fetches the rest.
  const data = isResponseEvent(type) ? { id: responseIdOf(jobId) } : jobData(moment, include.includes('result'));
  return webhookBody({ eventId, type, atMs, data });
}

const isResponseEvent = (type: WebhookEvent) => (responseEvents as readonly string[]).includes(type);

const responseIdOf = (jobId: string) => idAs('resp_', jobId);

function jobData({ jobId, record, type }: JobMoment, isResultWanted: boolean): object {
  // The record may have gone on since the job was begun, and what is told is that moment.
  const isStart = type === 'job.started';
  const answer = isStart ? undefined : record.answer;
  return {
    id: jobId,
    status: isStart ? 'in_progress' : record.state,
    endpoint: record.endpoint,
    response_id: responseIdOf(jobId),
    model: answer?.target ?? record.target,
    ...viewCost({ answer, free: record.free }),
    result_url: `/v1/jobs/${jobId}/result`,
    metadata: record.metadata,
    ...(answer && isResultWanted ? smallResult(answer) : {}),
  };
}

function smallResult({ text, finishReason, providerModel }: NonNullable<JobRecord['answer']>) {
  const result = { text, finish_reason: finishReason.unified, model: providerModel };
  return Buffer.byteLength(JSON.stringify(result)) < resultMaxBytes ? { result } : {};
}
