import type { Delta } from '@llm-gateway/shared/contracts/content';
import type { Frame } from '../../../delivery/event-frames.ts';
import type { ResponseEvent } from './item-writer.ts';

export interface NativeFrame {
  event: ResponseEvent;
  /** Says how the response is, and nothing of what it says. */
  isLife: boolean;
  kind: Frame['kind'];
}

const beginnings = ['response.created', 'response.queued', 'response.in_progress'];

/** A failure is told by the job's record, when nobody tries again; what keeps the provider's connection keeps not ours. */
const unsaid = ['error', 'response.failed', 'keepalive'];

/** Which neutral delta goes on with what an event of the provider's has begun. */
const textEvents: Record<string, Delta['type'] | undefined> = {
  'response.output_text.delta': 'text',
  'response.refusal.delta': 'refusal',
  'response.reasoning_summary_text.delta': 'reasoning',
  'response.reasoning_text.delta': 'reasoning',
  'response.function_call_arguments.delta': 'tool-call',
};

/** Reads the events of a provider's stream, and knows what is open in it. */
export class NativeFrames {
  #open: ResponseEvent | undefined;

  /** Undefined for what is not passed on. */
  read(text: string): NativeFrame | undefined {
    const event = parseEvent(text);
    if (!event || unsaid.includes(event.type)) return undefined;
    if (textEvents[event.type]) this.#open = event;
    else if (event.type === 'response.output_item.done') this.#open = undefined;
    const kind = event.type.startsWith('response.function_call_arguments') ? 'tool-call' : 'text';
    return { event, isLife: beginnings.includes(event.type), kind };
  }

  /** The provider's events for what it has said more; undefined where that is more than the rest of what is open. */
  goOn(deltas: readonly Delta[]): ResponseEvent[] | undefined {
    const [delta, ...others] = deltas;
    if (!delta) return [];
    if (!this.#open || others.length > 0 || textEvents[this.#open.type] !== delta.type) return undefined;
    return [{ ...this.#open, delta: delta.type === 'tool-call' ? delta.arguments : delta.text }];
  }
}

function parseEvent(text: string): ResponseEvent | undefined {
  const event: unknown = JSON.parse(text);
  const isEvent = typeof event === 'object' && event !== null && 'type' in event && typeof event.type === 'string';
  // The name stands on a line of its own in the stream.
  return isEvent && /^[\w.:-]+$/.test(event.type as string) ? (event as ResponseEvent) : undefined;
}
