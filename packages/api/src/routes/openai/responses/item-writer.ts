import type { Delta } from '@llm-gateway/shared/contracts/content';
import { callIdOf, itemIdOf } from './item-ids.ts';
import {
  type CallItem,
  type ContentPart,
  type ItemStatus,
  type OutputItem,
  type ReasoningItem,
  viewItem,
  viewPart,
  viewSummary,
} from './output-items.ts';

/** One event of a response's stream, without its number. */
export interface ResponseEvent {
  type: string;
  [member: string]: unknown;
}

/**
 * Makes a response's items of what a model of another provider says, and the events of their stream. The same deltas
 * make the same items, however they are cut.
 */
export class ItemWriter {
  readonly #jobId: string;
  readonly #items: OutputItem[] = [];
  readonly #closed = new Map<OutputItem, ItemStatus>();
  readonly #calls = new Map<number, CallItem>();

  constructor(jobId: string) {
    this.#jobId = jobId;
  }

  /** The items so far; those that are still written are in progress. */
  items(): object[] {
    return this.#items.map((item) => viewItem(item, this.#closed.get(item) ?? 'in_progress'));
  }

  add(delta: Delta): ResponseEvent[] {
    if (delta.choice !== undefined) return [];
    switch (delta.type) {
      case 'text':
      case 'refusal':
        return delta.text === '' ? [] : this.#addText(delta.type === 'text' ? 'output_text' : 'refusal', delta.text);
      case 'reasoning':
        return this.#addReasoning(delta.text, delta.signature);
      case 'tool-call':
        return this.#addCall(delta);
    }
  }

  /** Ends all items: the last one is not whole where the answer is not. */
  finish(status: 'completed' | 'incomplete'): ResponseEvent[] {
    return this.#items.flatMap((item, index) =>
      this.#close(item, index === this.#items.length - 1 ? status : 'completed'),
    );
  }

  #place(item: OutputItem) {
    return { item_id: item.id, output_index: this.#items.indexOf(item) };
  }

  #open(item: OutputItem): ResponseEvent[] {
    const last = this.#items.at(-1);
    // Calls may go on side by side, everything else follows one upon the other.
    const before = last && last.type !== 'function_call' ? this.#close(last, 'completed') : [];
    this.#items.push(item);
    const output_index = this.#items.length - 1;
    return [...before, { type: 'response.output_item.added', output_index, item: viewItem(item, 'in_progress') }];
  }

  #nextId = (type: OutputItem['type']) => itemIdOf(this.#jobId, type, this.#items.length);

  #addText(type: ContentPart['type'], text: string): ResponseEvent[] {
    const events: ResponseEvent[] = [];
    let item = this.#items.at(-1);
    if (item?.type !== 'message') {
      item = { type: 'message', id: this.#nextId('message'), content: [] };
      events.push(...this.#open(item));
    }
    let part = item.content.at(-1);
    if (part?.type !== type) {
      if (part) events.push(...this.#closePart(item, part));
      part = { type, text: '' };
      item.content.push(part);
      const place = { ...this.#place(item), content_index: item.content.length - 1 };
      events.push({ type: 'response.content_part.added', ...place, part: viewPart(part) });
    }
    part.text += text;
    const place = { ...this.#place(item), content_index: item.content.length - 1 };
    const sure = type === 'output_text' ? { logprobs: [] } : {};
    events.push({ type: `response.${type}.delta`, ...place, delta: text, ...sure });
    return events;
  }

  #addReasoning(text: string, signature: string | undefined): ResponseEvent[] {
    if (text === '' && signature === undefined) return [];
    const events: ResponseEvent[] = [];
    const last = this.#items.at(-1);
    let item: ReasoningItem;
    // What is signed is at its end.
    if (last?.type === 'reasoning' && last.signature === undefined) {
      item = last;
    } else {
      item = { type: 'reasoning', id: this.#nextId('reasoning'), text: '' };
      events.push(...this.#open(item));
    }
    const place = { ...this.#place(item), summary_index: 0 };
    if (text !== '' && item.text === '') {
      events.push({ type: 'response.reasoning_summary_part.added', ...place, part: viewSummary('') });
    }
    if (text !== '') events.push({ type: 'response.reasoning_summary_text.delta', ...place, delta: text });
    item.text += text;
    if (signature !== undefined) item.signature = signature;
    return events;
  }

  #addCall({ index, id, name = '', arguments: given }: Extract<Delta, { type: 'tool-call' }>): ResponseEvent[] {
    const known = this.#calls.get(index);
    if (known) return this.#addArguments(known, given);
    const isTaken = [...this.#calls.values()].some(({ callId }) => callId === id);
    const callId = id && !isTaken ? id : callIdOf(this.#jobId, this.#calls.size);
    const item: CallItem = { type: 'function_call', id: this.#nextId('function_call'), callId, name, arguments: '' };
    this.#calls.set(index, item);
    return [...this.#open(item), ...this.#addArguments(item, given)];
  }

  #addArguments(item: CallItem, given: string): ResponseEvent[] {
    if (given === '') return [];
    item.arguments += given;
    return [{ type: 'response.function_call_arguments.delta', ...this.#place(item), delta: given }];
  }

  #close(item: OutputItem, status: 'completed' | 'incomplete'): ResponseEvent[] {
    if (this.#closed.has(item)) return [];
    const events = this.#lastWords(item);
    this.#closed.set(item, status);
    const { output_index } = this.#place(item);
    return [...events, { type: 'response.output_item.done', output_index, item: viewItem(item, status) }];
  }

  #lastWords(item: OutputItem): ResponseEvent[] {
    switch (item.type) {
      case 'message': {
        const part = item.content.at(-1);
        return part ? this.#closePart(item, part) : [];
      }
      case 'reasoning': {
        if (item.text === '') return [];
        const place = { ...this.#place(item), summary_index: 0 };
        return [
          { type: 'response.reasoning_summary_text.done', ...place, text: item.text },
          { type: 'response.reasoning_summary_part.done', ...place, part: viewSummary(item.text) },
        ];
      }
      case 'function_call': {
        // Some providers write nothing where there are no arguments, which is no JSON.
        const added = item.arguments === '' ? this.#addArguments(item, '{}') : [];
        const whole = { name: item.name, arguments: item.arguments };
        return [...added, { type: 'response.function_call_arguments.done', ...this.#place(item), ...whole }];
      }
    }
  }

  #closePart(item: Extract<OutputItem, { type: 'message' }>, part: ContentPart): ResponseEvent[] {
    const place = { ...this.#place(item), content_index: item.content.length - 1 };
    const whole = part.type === 'refusal' ? { refusal: part.text } : { text: part.text, logprobs: [] };
    return [
      { type: `response.${part.type}.done`, ...place, ...whole },
      { type: 'response.content_part.done', ...place, part: viewPart(part) },
    ];
  }
}
