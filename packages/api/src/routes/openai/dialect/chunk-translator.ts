import type { Delta, Part } from '@llm-gateway/shared/contracts/content';
import { partsOfDeltas } from '@llm-gateway/shared/contracts/deltas';
import type { JobEvent, LogEntry } from '@llm-gateway/shared/contracts/event';
import type { Failure } from '@llm-gateway/shared/contracts/failure';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { Frame, Translator } from '../../../delivery/event-frames.ts';
import { errorReply } from '../../../http/error-body.ts';
import { lastSequence } from '../../../jobs/sequence.ts';
import type { Chunk, Whole } from './chunk.ts';
import { createChunkOutlet, silence, sse } from './chunk-outlet.ts';

/** What is particular to one kind of chunks. */
export interface ChunkKind {
  /** The id that a client knows the answer by. */
  id: string;
  /** The whole answer of a job that has one. */
  wholeOf(record: JobRecord): Whole;
  /** A whole answer, or one as far as it has come, as chunks. */
  chunksOf(whole: Whole): Chunk[];
  /** Usage that its provider did not tell. */
  usageOf(record: JobRecord): object | undefined;
  /** For answers of providers that speak another dialect, where there can be such. `target` is our id of the model that was asked. */
  neutral?: {
    chunksOf(delta: Delta, isFirst: boolean, target: string | undefined): Chunk[];
    /** An answer as far as it has come. */
    partialOf(parts: readonly Part[], target: string | undefined): Whole;
  };
}

/** How a stream tells that it breaks off. Nothing follows, or a client would take the answer for complete. */
export const errorEvent = (failure: Failure, requestId: string): string =>
  sse(errorReply('openai', failure, { requestId }).body);

const another: Failure = {
  code: 'answer_broken_off',
  detail: 'The answer broke off after a part of it was sent, and cannot be continued.',
};

export const lostEvent = errorEvent(another, '');

/** The last frame of a reader that cannot be told how it goes on. */
const brokenOff = (sequence: number): Frame => ({ sequence, kind: 'text', text: lostEvent, isLast: true });

/**
 * Tells a job's events as chunks: those of a provider that speaks the dialect as they came, others made of what was said.
 */
export function createChunkTranslator(kind: ChunkKind, wantsUsage: boolean): Translator {
  const outlet = createChunkOutlet(kind.id, wantsUsage);
  const { neutral } = kind;
  let target: string | undefined;

  const catchUp = (sequence: number, whole: Whole): Frame =>
    outlet.catchUp(sequence, kind.chunksOf(whole)) ?? brokenOff(sequence);

  function start({ model }: Extract<JobEvent, { type: 'started' }>, sequence: number): Frame {
    outlet.restart();
    target = model;
    return outlet.hasTold() ? brokenOff(sequence) : silence(sequence);
  }

  const tellNeutral = (sequence: number, delta: Delta): Frame =>
    outlet.tell(sequence, neutral?.chunksOf(delta, !outlet.hasBegun(), target) ?? []);

  function tellDelta(sequence: number, { delta, frames, native }: Extract<JobEvent, { type: 'delta' }>): Frame {
    if (native) return catchUp(sequence, native.body);
    if (frames) {
      const chunks = frames.map((frame) => JSON.parse(frame) as Chunk);
      // An error is told at the end.
      return outlet.tell(
        sequence,
        chunks.filter(({ error }) => error === undefined),
      );
    }
    return delta ? tellNeutral(sequence, delta) : silence(sequence);
  }

  function tellSnapshot(sequence: number, { text, deltas, native }: Extract<JobEvent, { type: 'snapshot' }>): Frame {
    if (native) return catchUp(sequence, native.body);
    const parts = partsOfDeltas(deltas ?? [{ type: 'text', text }]);
    return neutral ? catchUp(sequence, neutral.partialOf(parts, target)) : silence(sequence);
  }

  function entry({ sequence, event }: LogEntry): Frame {
    switch (event.type) {
      case 'started':
        return start(event, sequence);
      case 'text-delta':
        return tellNeutral(sequence, { type: 'text', text: event.text });
      case 'delta':
        return tellDelta(sequence, event);
      case 'retrying':
        return event.reset && outlet.hasTold() ? brokenOff(sequence) : silence(sequence);
      case 'snapshot':
        return tellSnapshot(sequence, event);
    }
  }

  return {
    begin: () => silence(0),
    entry,
    end(record, cursor) {
      const sequence = lastSequence(record);
      return sequence > cursor ? [{ ...silence(sequence), text: endOf(record, kind, outlet) }] : [];
    },
  };
}

function endOf(record: JobRecord, kind: ChunkKind, outlet: ReturnType<typeof createChunkOutlet>): string {
  const { answer, failure } = record;
  const ended: Failure = failure ?? { code: 'internal', detail: 'The job ended without an answer.' };
  if (!answer || failure) return errorEvent(ended, record.request);
  const whole = kind.wholeOf(record);
  const usage = (whole.usage ?? kind.usageOf(record)) as object | undefined;
  return outlet.finish(kind.chunksOf(whole), usage) ?? errorEvent(another, record.request);
}
