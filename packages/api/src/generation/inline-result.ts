import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { ToResult } from '../delivery/event-frames.ts';

/** The result as the last event of a job carries it: none of a job that failed or was stopped, whatever it was charged. */
export const inlineResult =
  (toResult: (id: string, record: JobRecord) => object): ToResult =>
  (id, record) =>
    record.answer && !record.failure ? toResult(id, record) : undefined;
