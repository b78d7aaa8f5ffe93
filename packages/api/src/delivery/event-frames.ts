import type { LogEntry } from '@llm-gateway/shared/contracts/event';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { costUsd } from '@llm-gateway/shared/pricing/cost-usd';
import { viewJob } from '../jobs/job-view.ts';
import { lastLogSequence, lastSequence } from '../jobs/sequence.ts';

/** One event of a job's stream, as a frame of server-sent events. */
export interface Frame {
  sequence: number;
  /** `text`: what the model says. `usage`: what it cost. `life`: the rest, which nobody can leave out. */
  kind: 'life' | 'text' | 'usage';
  text: string;
  /** Of the beginning of an attempt, its number. */
  attempt?: number;
}

/** Makes a result small enough to travel with the last event; what a waiting request would have been answered. */
export type ToResult = (id: string, record: JobRecord) => object | undefined;

const inlineMaxBytes = 65_536;

/** A comment that keeps proxies from closing a silent connection. */
export const heartbeat = ': hb\n\n';

/** Tells an EventSource how soon to come back when the connection ends before the job does. */
export const retryHint = 'retry: 1000\n\n';

function frame(kind: Frame['kind'], type: string, sequence: number, jobId: string, atMs: number, data: object): Frame {
  const body = {
    type,
    sequence_number: sequence,
    job_id: jobId,
    created_at: new Date(atMs).toISOString(),
    ...data,
  };
  return { kind, sequence, text: `id: ${sequence}\nevent: ${type}\ndata: ${JSON.stringify(body)}\n\n` };
}

/** The first event: the job was accepted. Repeated with its place in the queue while that moves. */
export const queuedFrame = (
  jobId: string,
  { createdMs }: Pick<JobRecord, 'createdMs'>,
  place: { position: number | null; etaMs: number | null } = { position: null, etaMs: null },
): Frame => frame('life', 'job.queued', 0, jobId, createdMs, { position: place.position, eta_ms: place.etaMs });

/** The event of a log's entry. */
export function entryFrame(jobId: string, { sequence, atMs, event }: LogEntry): Frame {
  switch (event.type) {
    case 'started': {
      const { attempt, provider, model } = event;
      return { ...frame('life', 'job.started', sequence, jobId, atMs, { attempt, provider, model }), attempt };
    }
    case 'text-delta':
      return frame('text', 'output.delta', sequence, jobId, atMs, { index: 0, text: event.text });
    case 'retrying': {
      const { attempt, afterMs, reason, reset } = event;
      return frame('life', 'job.retrying', sequence, jobId, atMs, { attempt, after_ms: afterMs, reason, reset });
    }
    case 'snapshot':
      return snapshotFrame(jobId, sequence, atMs, event.text);
  }
}

/** All text so far, for a reader whose place in the log is no longer kept. */
export const snapshotFrame = (jobId: string, sequence: number, atMs: number, text: string): Frame =>
  frame('text', 'job.snapshot', sequence, jobId, atMs, { sequence, text, tool_calls: [] });

/** The last events of a job that has ended: its usage, if it has any, and its end. */
export function endFrames(id: string, record: JobRecord, toResult: ToResult): Frame[] {
  const { answer, finishedMs = record.createdMs } = record;
  const frames: Frame[] = [];
  if (answer) {
    const { promptTokens, completionTokens, totalTokens } = answer.usage;
    frames.push(
      frame('usage', 'usage', lastLogSequence(record) + 1, id, finishedMs, {
        prompt_tokens: promptTokens,
        completion_tokens: completionTokens,
        total_tokens: totalTokens,
        cost_usd: record.free ? 0 : costUsd(answer),
      }),
    );
  }
  const result = toResult(id, record);
  const isSmall = result !== undefined && Buffer.byteLength(JSON.stringify(result)) < inlineMaxBytes;
  frames.push(
    frame('life', `job.${record.state}`, lastSequence(record), id, finishedMs, {
      job: viewJob(id, record),
      ...(isSmall ? { result } : {}),
    }),
  );
  return frames;
}
