import type { Failure } from '../contracts/failure.ts';
import type { FinalState } from '../contracts/job.ts';

interface Stop {
  state: FinalState;
  failure: Failure;
  /** A retry under the same Idempotency-Key shall be a new job. */
  releases_key: boolean;
}

const cancelled = (detail: string): Stop => ({
  state: 'cancelled',
  failure: { code: 'job_cancelled', detail },
  releases_key: false,
});

const expired = (failure: Failure): Stop => ({ state: 'expired', failure, releases_key: true });

const both = (stop: Stop) => ({ before: stop, running: stop });

/**
 * Why a job may be stopped before its work is done, and what that makes of it: before it was begun, when nothing has
 * been spent, and while it runs, when what was used is charged.
 */
export const stopReasons = {
  /** Its owner said so. */
  cancel: both(cancelled('The job was cancelled.')),
  /** Its readers have left, and it was asked not to outlive them. */
  disconnect: both(cancelled('The job was cancelled because its client had left.')),
  /** Nobody read it, and it had not been begun. */
  abandoned: both(
    expired({ code: 'job_abandoned', detail: 'The job was dropped before it began, because nobody read it any more.' }),
  ),
  start_deadline: both(
    expired({ code: 'deadline_exceeded', detail: 'The job did not begin before its start deadline.' }),
  ),
  /** No worker came for it in a week. */
  unserved: both(expired({ code: 'deadline_exceeded', detail: 'The job waited for a week, and nothing began it.' })),
  /** An earlier call of it has used up what a budget had left. */
  budget: both({
    state: 'failed',
    failure: { code: 'budget_exceeded', detail: 'The budget that pays for the job has no room for another call.' },
    releases_key: true,
  }),
  deadline: {
    before: expired({ code: 'deadline_exceeded', detail: 'The job did not begin before its deadline.' }),
    running: {
      state: 'failed',
      failure: { code: 'deadline_exceeded', detail: 'The job was not done at its deadline.' },
      releases_key: true,
    },
  },
} as const satisfies Record<string, { before: Stop; running: Stop }>;

export type StopReason = keyof typeof stopReasons;

export const isStopReason = (text: string): text is StopReason => Object.hasOwn(stopReasons, text);
