import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';

/*
 * The numbers of a job's events: 0 is its acceptance, then come the entries of its log, then, at its end, its usage if
 * it has any and last its end. The first and the last are told by the record, so that they cannot disagree with it.
 */

type Numbered = Pick<JobRecord, 'state' | 'sequence' | 'endSequence' | 'answer'>;

/** Number of the last entry of the log that is about this job; of one that shares a log, once it has ended. */
export const lastLogSequence = ({ sequence, endSequence }: Pick<Numbered, 'sequence' | 'endSequence'>): number =>
  endSequence ?? sequence;

/** Number of the job's last event so far. */
export function lastSequence(record: Numbered): number {
  const last = lastLogSequence(record);
  if (!isFinal(record.state)) return last;
  return last + (record.answer === undefined ? 1 : 2);
}
