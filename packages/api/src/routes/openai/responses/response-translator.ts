import { answerParts, type PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { Delta } from '@llm-gateway/shared/contracts/content';
import { deltasOfParts, mergeDeltas } from '@llm-gateway/shared/contracts/deltas';
import type { JobEvent, LogEntry } from '@llm-gateway/shared/contracts/event';
import type { Failure } from '@llm-gateway/shared/contracts/failure';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { Frame, Translator } from '../../../delivery/event-frames.ts';
import { lastSequence } from '../../../jobs/sequence.ts';
import { errorEvent } from './error-event.ts';
import { ItemWriter, type ResponseEvent } from './item-writer.ts';
import { missingDeltas } from './missing-deltas.ts';
import { NativeFrames } from './native-frames.ts';
import { eventsOf, lastEventOf } from './response-events.ts';
import { headOf, ownResponse, type ResponseHead, toResponse } from './response-object.ts';
import { done, SseWriter } from './sse-writer.ts';
import { answered, endedWithoutAnswer, endOf, nativeOf, unanswered } from './view-response.ts';

type Source = Pick<JobRecord, 'createdMs' | 'target' | 'generation' | 'metadata' | 'request'>;
type EventOf<Type extends JobEvent['type']> = Extract<JobEvent, { type: Type }>;

const brokenOff: Failure = {
  code: 'answer_broken_off',
  detail: 'The answer broke off and is made anew. What has been sent is not a part of it: get the response by its id.',
};

const noLongerKept: Failure = {
  code: 'result_expired',
  detail: 'The events of the response are no longer kept one by one: get it whole, or its stream from the start.',
};

/**
 * The stream of a response for one reader, who has the events up to number `after`. Made of the job's log from its start,
 * it is the same for every reader: a provider's own events as they came, or what its answer comes to.
 */
export class ResponseTranslator implements Translator {
  readonly #requestId: string;
  readonly #head: ResponseHead;
  readonly #sse: SseWriter;
  readonly #isResumed: boolean;
  readonly #native: NativeFrames;
  readonly #writer: ItemWriter;
  /** Of the events that begin every stream, those that were sent. */
  readonly #begun = new Set<string>();
  /** In whose words the answer comes; unknown before anything of it has. */
  #source: 'provider' | 'gateway' | undefined;
  #said: Delta[] = [];
  #hasContent = false;
  #hasEnded = false;
  /** The log has lost its beginning: all is told at the end. */
  #isLate = false;

  constructor(jobId: string, record: Source, after: number) {
    this.#requestId = record.request;
    this.#head = headOf(jobId, record);
    this.#sse = new SseWriter(after);
    this.#isResumed = after >= 0;
    this.#native = new NativeFrames();
    this.#writer = new ItemWriter(jobId);
  }

  /** A client that asked for the background is told at once: it may leave, and failures are told by the response. */
  begin(): Frame {
    if (this.#head.settings.background !== true) return { sequence: 0, kind: 'life', text: '' };
    return {
      sequence: 0,
      kind: 'text',
      text: this.#begin('response.created', 'queued') + this.#begin('response.queued', 'queued'),
    };
  }

  entry({ sequence, event }: LogEntry): Frame {
    switch (event.type) {
      case 'started':
        this.#forgetUnsaid();
        return this.#hasContent ? this.#breakOff(sequence) : { sequence, kind: 'life', text: '' };
      case 'retrying':
        this.#forgetUnsaid();
        return event.reset && this.#hasContent ? this.#breakOff(sequence) : { sequence, kind: 'life', text: '' };
      case 'text-delta':
        return this.#content(sequence, [{ type: 'text', text: event.text }]);
      case 'delta':
        return this.#delta(sequence, event);
      case 'snapshot':
        return this.#snapshot(sequence, event);
    }
  }

  end(record: JobRecord, cursor: number): Frame[] {
    const sequence = lastSequence(record);
    if (sequence <= cursor) return [];
    return [{ sequence, kind: 'life', text: this.#ending(record) + done }];
  }

  /** A call that has said nothing to this reader may be followed by another. */
  #forgetUnsaid(): void {
    if (this.#hasContent) return;
    this.#source = undefined;
    this.#said = [];
  }

  #delta(sequence: number, { delta, frames, native }: EventOf<'delta'>): Frame {
    const deltas = delta ? [delta] : [];
    if (this.#isLate) return { sequence, kind: 'text', text: '' };
    if (native?.api === 'responses') return { sequence, kind: 'text', text: this.#whole(native.body) };
    if (frames) {
      this.#source = 'provider';
      this.#remember(deltas);
      return this.#frames(sequence, frames);
    }
    return this.#content(sequence, deltas);
  }

  #remember(deltas: readonly Delta[]): void {
    for (const delta of deltas) this.#said.push(...mergeDeltas([...this.#said.splice(-1), delta]));
  }

  /** What a model of another provider says. */
  #content(sequence: number, deltas: readonly Delta[]): Frame {
    if (this.#isLate) return { sequence, kind: 'text', text: '' };
    this.#remember(deltas);
    const isCall = deltas.some(({ type }) => type === 'tool-call');
    return { sequence, kind: isCall ? 'tool-call' : 'text', text: this.#write(deltas) };
  }

  #write(deltas: readonly Delta[]): string {
    this.#source = 'gateway';
    const events = deltas.flatMap((delta) => this.#writer.add(delta));
    if (events.length > 0) this.#hasContent = true;
    return this.#opening() + this.#sse.writeAll(events);
  }

  #frames(sequence: number, frames: readonly string[]): Frame {
    let text = '';
    let kind: Frame['kind'] = 'life';
    for (const asItCame of frames) {
      const event = this.#native.read(asItCame);
      if (!event || this.#hasEnded) continue;
      if (!event.isLife) kind = event.kind;
      text += this.#pass(event.event, event.isLife, asItCame);
    }
    return { sequence, kind, text };
  }

  #pass(event: ResponseEvent, isLife: boolean, asItCame: string): string {
    const { type } = event;
    const response = event.response as Record<string, unknown> | undefined;
    const own = response ? { ...event, response: ownResponse(this.#head, response) } : event;
    if (isLife) {
      // Another call begins as the one before had.
      if (this.#begun.has(type)) return '';
      this.#begun.add(type);
      return this.#sse.write(own);
    }
    this.#hasContent = true;
    this.#hasEnded = type === 'response.completed' || type === 'response.incomplete';
    const opening = this.#begun.has('response.created') ? '' : this.#opening();
    return opening + this.#sse.write(own, response ? undefined : asItCame);
  }

  /** An answer that came in one piece. */
  #whole(body: Readonly<Record<string, unknown>>): string {
    if (this.#hasContent) return '';
    this.#source = 'provider';
    this.#hasContent = true;
    this.#hasEnded = true;
    let text = '';
    for (const event of eventsOf(ownResponse(this.#head, body))) {
      if (!this.#begun.has(event.type)) text += this.#sse.write(event);
    }
    return text;
  }

  #snapshot(sequence: number, { text, deltas = [{ type: 'text', text }] }: EventOf<'snapshot'>): Frame {
    if (this.#isLate) return { sequence, kind: 'text', text: '' };
    if (!this.#hasContent) {
      // Numbered anew, the events would not be those that the reader has.
      if (this.#isResumed) return this.#breakOff(sequence, noLongerKept);
      this.#isLate = true;
      return { sequence, kind: 'text', text: this.#opening() };
    }
    const rest = missingDeltas(this.#said, deltas);
    if (rest && this.#source === 'gateway') {
      this.#remember(rest);
      return { sequence, kind: 'text', text: this.#write(rest) };
    }
    const events = rest && this.#native.goOn(rest);
    if (!events) return this.#breakOff(sequence);
    this.#remember(rest);
    return { sequence, kind: 'text', text: this.#sse.writeAll(events) };
  }

  #ending(record: JobRecord): string {
    if (this.#hasEnded) return '';
    const answer = record.failure ? undefined : record.answer;
    if (!answer) return this.#failing(record);
    const native = nativeOf(answer);
    if (!native) return this.#finish(record, answer);
    if (!this.#hasContent) return this.#whole(native);
    return this.#sse.write(lastEventOf(ownResponse(this.#head, native)));
  }

  /** What is missing of an answer that is no provider's response, and its end. */
  #finish(record: JobRecord, answer: PricedAnswer): string {
    const unsaid = this.#hasContent ? this.#said : [];
    const rest = missingDeltas(unsaid, deltasOfParts(answerParts(answer)));
    if (!rest) return this.#failing({ ...record, state: 'failed', failure: brokenOff });
    const { status } = endOf(answer);
    const text = this.#write(rest) + this.#sse.writeAll(this.#writer.finish(status));
    const response = answered(this.#head, record, answer, this.#writer.items());
    return text + this.#sse.write({ type: `response.${status}`, response });
  }

  #failing(record: Pick<JobRecord, 'state' | 'failure' | 'request' | 'answer'>): string {
    const isStopped = record.state === 'cancelled' && this.#head.settings.background === true;
    const response = unanswered(this.#head, isStopped ? record : { ...record, state: 'failed' });
    // There is no event of its own for it that clients would know.
    if (isStopped) return this.#opening() + this.#sse.write({ type: 'response.incomplete', response });
    const error = errorEvent(record.failure ?? endedWithoutAnswer, record.request);
    return this.#opening() + this.#sse.write(error) + this.#sse.write({ type: 'response.failed', response });
  }

  /** The end for this reader, who cannot be told how it goes on. */
  #breakOff(sequence: number, failure: Failure = brokenOff): Frame {
    const opening = this.#opening();
    this.#sse.catchUp();
    const text = opening + this.#failing({ state: 'failed', failure, request: this.#requestId }) + done;
    this.#hasEnded = true;
    return { sequence, kind: 'text', text, isLast: true };
  }

  #opening(): string {
    return this.#begin('response.created', 'in_progress') + this.#begin('response.in_progress', 'in_progress');
  }

  #begin(type: string, status: 'queued' | 'in_progress'): string {
    if (this.#begun.has(type)) return '';
    this.#begun.add(type);
    return this.#sse.write({ type, response: toResponse(this.#head, { status, model: this.#head.model }) });
  }
}
