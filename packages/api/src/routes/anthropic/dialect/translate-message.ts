import type { JobEvent, LogEntry } from '@llm-gateway/shared/contracts/event';
import type { Failure } from '@llm-gateway/shared/contracts/failure';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { Frame, Translator } from '../../../delivery/event-frames.ts';
import { errorReply } from '../../../http/error-body.ts';
import { lastSequence } from '../../../jobs/sequence.ts';
import { eventText, type Typed } from './frame.ts';
import { Narrator } from './narrator.ts';
import { modelNameOf } from './to-message.ts';

/** A job's events as those of a message's stream, for one reader. */
export function translateMessage(id: string, { request, target, generation, answer }: JobRecord): Translator {
  const narrator = new Narrator(id, modelNameOf(answer?.target ?? target), generation.native?.body);
  function say(event: Exclude<JobEvent, { type: 'started' | 'retrying' }>): string | undefined {
    switch (event.type) {
      case 'text-delta':
        return narrator.add([{ type: 'text', text: event.text }]);
      case 'snapshot':
        return narrator.catchUp(event);
      case 'delta':
        if (event.native) return narrator.catchUp(event);
        if (event.frames) return narrator.pass(event.frames);
        return event.delta ? narrator.add([event.delta]) : '';
    }
  }

  const brokenOff = (): string => errorText(goesOnElsewhere(id), request);

  return {
    begin: () => ({ kind: 'life', sequence: 0, text: '' }),
    entry({ sequence, event }: LogEntry): Frame {
      if (event.type === 'started' || event.type === 'retrying') {
        const frame = { kind: 'life', sequence } as const;
        if (narrator.hasBegun) return { ...frame, text: brokenOff(), isLast: true };
        narrator.reset(event.type === 'started' ? modelNameOf(event.model) : undefined);
        return { ...frame, text: '' };
      }
      const text = say(event);
      if (text === undefined) return { kind: 'text', sequence, text: brokenOff(), isLast: true };
      const kind = text === '' ? 'life' : isOfTool(event) ? 'tool-call' : 'text';
      return { kind, sequence, text };
    },
    end(record, cursor) {
      const sequence = lastSequence(record);
      if (sequence <= cursor) return [];
      const failure = failureOf(id, record);
      const text = failure ? errorText(failure, request) : (narrator.end(record) ?? brokenOff());
      return [{ kind: 'life', sequence, text }];
    },
  };
}

const isOfTool = (event: JobEvent): boolean => event.type === 'delta' && event.delta?.type === 'tool-call';

function failureOf(id: string, { failure, answer }: JobRecord): Failure | undefined {
  if (failure || answer) return failure;
  return { code: 'internal', detail: `Job ${id} ended without an answer.` };
}

const goesOnElsewhere = (id: string): Failure => ({
  code: 'answer_broken_off',
  detail: `The answer broke off and is written anew; GET /v1/jobs/${id}/result has it when it is complete.`,
});

/** A failure as the event that ends a stream in its place. */
const errorText = (failure: Failure, requestId: string): string =>
  eventText(errorReply('anthropic', failure, { requestId }).body as Typed);
