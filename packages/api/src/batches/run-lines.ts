import type { Logger } from '@llm-gateway/shared/observability/logger';
import type { Batch } from './batch.ts';
import type { BatchLines, LineEnd } from './batch-lines.ts';
import { refusedEnd, resultEnd, retryAfterMsOf } from './line-outcome.ts';
import type { LineRunner } from './line-runner.ts';
import { readLineBody } from './read-line-body.ts';

export interface RunLinesDeps {
  lines: BatchLines;
  runner: LineRunner;
  /** Jobs in flight at most. */
  window: number;
  log: Logger;
}

/** The lines of a batch on their way, as the process knows them that works on it. */
export interface RunningLines {
  inFlight(): number;
  /** Keeps the results of jobs that have ended. */
  collect(stopped?: 'cancelled' | 'expired'): Promise<void>;
  /** Submits as many lines as there is room for; says whether there may be more to submit. */
  fill(): Promise<boolean>;
  /** Cancels all that is in flight. What it comes to is collected. */
  cancel(): Promise<void>;
}

type PendingLine = Awaited<ReturnType<BatchLines['pending']>>[number];
type Submission = { jobId: string } | { end: LineEnd } | { retryAfterMs: number };

const submittedAtOnce = 10;

/** Takes up a batch where it stands, be it that another process has died over it. */
export async function openRunningLines(batch: Batch, deps: RunLinesDeps): Promise<RunningLines> {
  const { lines, runner, window, log } = deps;
  const jobs: Map<number, string> = await lines.submitted(batch.id);
  let resumeAtMs = 0;

  async function submit({ number, customId, request }: PendingLine): Promise<Submission> {
    const { id: batchId, tenant: tenantId, key, owner: userId, endpoint, kind } = batch;
    try {
      const body = readLineBody(request);
      const keyId = key ?? undefined;
      return await runner.submit({ batchId, tenantId, keyId, userId, endpoint, number, customId, body });
    } catch (error) {
      const retryAfterMs = retryAfterMsOf(error);
      if (retryAfterMs !== undefined) return { retryAfterMs };
      const end = refusedEnd(number, kind, error);
      if (end.statusCode === 500) {
        log.error({ event: 'batch_line_error', batch: batchId, line: number, err: error }, 'a line of a batch failed');
      }
      return { end };
    }
  }

  /** Submits lines of a batch until one is told to wait; the others stay as they are. */
  async function submitAll(pending: readonly PendingLine[]): Promise<void> {
    for (let start = 0; start < pending.length && Date.now() >= resumeAtMs; start += submittedAtOnce) {
      const slice = pending.slice(start, start + submittedAtOnce);
      const submissions = await Promise.all(slice.map(submit));
      const accepted = new Map<number, string>();
      const ends: LineEnd[] = [];
      for (const [index, submission] of submissions.entries()) {
        if ('jobId' in submission) accepted.set(slice[index]?.number ?? 0, submission.jobId);
        else if ('end' in submission) ends.push(submission.end);
        else resumeAtMs = Math.max(resumeAtMs, Date.now() + submission.retryAfterMs);
      }
      if (accepted.size > 0) await lines.noteSubmitted(batch.id, accepted);
      for (const [number, jobId] of accepted) jobs.set(number, jobId);
      if (ends.length > 0) await lines.record(batch.id, ends);
    }
  }

  return {
    inFlight: () => jobs.size,

    async collect(stopped) {
      if (jobs.size === 0) return;
      const ended = new Set(await runner.ended([...jobs.values()]));
      const finished = [...jobs].filter(([, jobId]) => ended.has(jobId));
      if (finished.length === 0) return;
      const ends = await Promise.all(
        finished.map(async ([number, jobId]) =>
          resultEnd(number, batch.kind, await runner.result(batch.tenant, jobId), stopped),
        ),
      );
      await lines.record(batch.id, ends);
      for (const [number] of finished) jobs.delete(number);
    },

    async fill() {
      const room = window - jobs.size;
      if (room <= 0 || Date.now() < resumeAtMs) return true;
      const pending = await lines.pending(batch.id, room);
      await submitAll(pending);
      return pending.length > 0;
    },

    async cancel() {
      await Promise.allSettled([...jobs.values()].map((jobId) => runner.cancel(batch.tenant, jobId)));
    },
  };
}
