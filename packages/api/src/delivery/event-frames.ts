import { type Answer, answerParts } from '@llm-gateway/shared/contracts/answer';
import type { Delta } from '@llm-gateway/shared/contracts/content';
import { deltasOfParts, partsOfDeltas } from '@llm-gateway/shared/contracts/deltas';
import type { JobEvent, LogEntry } from '@llm-gateway/shared/contracts/event';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { costUsd } from '@llm-gateway/shared/pricing/cost-usd';
import { viewJob } from '../jobs/job-view.ts';
import { lastLogSequence, lastSequence } from '../jobs/sequence.ts';

/** One event of a job's stream, as a frame of server-sent events. */
export interface Frame {
  sequence: number;
  /** `text` and `tool-call`: what the model says. `usage`: what it cost. `life`: the rest, which nobody can leave out. */
  kind: 'life' | 'text' | 'tool-call' | 'usage';
  /** Server-sent events, as they are written; may be empty. */
  text: string;
  /** Nothing more can be told to this reader, although the job goes on; its text says so. */
  isLast?: boolean;
}

/**
 * Says what happens to a job in the terms of its reader: one frame for every event, or one that is empty. Asked for
 * each event once and in order, so that it may remember what it has said.
 */
export interface Translator {
  /** Of acceptance, which is event 0. */
  begin(record: Pick<JobRecord, 'createdMs'>): Frame;
  entry(entry: LogEntry): Frame;
  /** What is left to say when the job has ended, to a reader that has all events up to `cursor`. */
  end(record: JobRecord, cursor: number): Frame[];
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

function deltaFrame(jobId: string, sequence: number, atMs: number, delta: Delta): Frame {
  const tell = (kind: Frame['kind'], type: string, data: object) => frame(kind, type, sequence, jobId, atMs, data);
  switch (delta.type) {
    case 'text':
    case 'refusal':
      return tell('text', 'output.delta', { index: delta.choice ?? 0, text: delta.text });
    case 'reasoning':
      return tell('text', 'output.reasoning.delta', { index: delta.choice ?? 0, text: delta.text });
    case 'tool-call': {
      const { index, id, name, arguments: given } = delta;
      return tell('tool-call', 'output.tool_call.delta', { index, id, name, arguments: given });
    }
  }
}

/** The event of a log's entry. */
export function entryFrame(jobId: string, { sequence, atMs, event }: LogEntry): Frame {
  switch (event.type) {
    case 'started': {
      const { attempt, provider, model } = event;
      return frame('life', 'job.started', sequence, jobId, atMs, { attempt, provider, model });
    }
    case 'text-delta':
      return deltaFrame(jobId, sequence, atMs, { type: 'text', text: event.text });
    case 'delta':
      return deltaFrame(jobId, sequence, atMs, event.delta ?? { type: 'text', text: '' });
    case 'retrying': {
      const { attempt, afterMs, reason, reset } = event;
      return frame('life', 'job.retrying', sequence, jobId, atMs, { attempt, after_ms: afterMs, reason, reset });
    }
    case 'snapshot':
      return snapshotFrame(jobId, sequence, atMs, event);
  }
}

/** All text so far, for a reader whose place in the log is no longer kept. */
export function snapshotFrame(jobId: string, sequence: number, atMs: number, { text, deltas = [] }: Snapshot): Frame {
  const calls = partsOfDeltas(deltas).flatMap((part) => (part.type === 'tool-call' ? [part] : []));
  const tool_calls = calls.map(({ id, name, arguments: given }) => ({ id, name, arguments: given }));
  return frame('text', 'job.snapshot', sequence, jobId, atMs, { sequence, text, tool_calls });
}

type Snapshot = Pick<Extract<JobEvent, { type: 'snapshot' }>, 'text' | 'deltas'>;

/** Native events, with as much of the log as the reader lacks and cannot be told any more. */
export const nativeTranslator = (id: string, toResult: ToResult): Translator => ({
  begin: (record) => queuedFrame(id, record),
  entry: (entry) => entryFrame(id, entry),
  end(record, cursor) {
    const last = lastLogSequence(record);
    const at = record.finishedMs ?? record.createdMs;
    // The log was kept with a job that has been deleted since: the answer has all of it.
    const missed = cursor < last && record.answer ? [snapshotFrame(id, last, at, wholeOf(record.answer))] : [];
    return [...missed, ...endFrames(id, record, toResult).filter(({ sequence }) => sequence > cursor)];
  },
});

const wholeOf = (answer: Answer): Snapshot => ({ text: answer.text, deltas: deltasOfParts(answerParts(answer)) });

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
