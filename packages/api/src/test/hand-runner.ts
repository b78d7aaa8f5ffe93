import type { LineResult, LineRunner, SubmittedLine } from '../batches/line-runner.ts';

export interface HandRunner extends LineRunner {
  /** Lines that were submitted, once for every time. */
  submitted: SubmittedLine[];
  /** The job of every line that was accepted, by its number. */
  jobs: Map<number, string>;
  /** Ids of jobs that were told to stop. */
  cancelled: string[];
  /** Ends a job. */
  end(number: number, result?: Partial<LineResult>): void;
  /** Takes a job's record away. */
  forget(number: number): void;
  /** What a line comes to at once; undefined leaves it running. May throw. */
  answers: (line: SubmittedLine) => Partial<LineResult> | undefined;
}

/** A runner of lines whose jobs end when the test says so. */
export function createHandRunner(): HandRunner {
  const results = new Map<string, LineResult>();
  const gone = new Set<string>();
  const jobOf = ({ batchId, number }: Pick<SubmittedLine, 'batchId' | 'number'>) => `job_${batchId}_${number}`;
  const finish = (jobId: string, number: number, result: Partial<LineResult>) =>
    results.set(jobId, {
      status: 200,
      body: { answer: number, usage: { prompt_tokens: 10, completion_tokens: 3 } },
      requestId: `req_${number}`,
      finalState: 'completed',
      ...result,
    });
  const runner: HandRunner = {
    submitted: [],
    jobs: new Map(),
    cancelled: [],
    answers: () => undefined,
    end(number, result = {}) {
      const jobId = runner.jobs.get(number);
      if (jobId === undefined) throw new Error(`line ${number} has no job`);
      finish(jobId, number, result);
    },
    forget(number) {
      gone.add(runner.jobs.get(number) ?? '');
    },
    async submit(line) {
      runner.submitted.push(line);
      const result = runner.answers(line);
      runner.jobs.set(line.number, jobOf(line));
      if (result) runner.end(line.number, result);
      return { jobId: jobOf(line) };
    },
    ended: async (jobIds) => jobIds.filter((id) => results.has(id) || gone.has(id)),
    result: async (_tenantId, jobId) => results.get(jobId),
    async cancel(_tenantId, jobId) {
      runner.cancelled.push(jobId);
      if (!results.has(jobId)) finish(jobId, 0, { status: 409, body: { error: {} }, finalState: 'cancelled' });
    },
  };
  return runner;
}
