import type { ResponseEvent } from './item-writer.ts';

/** What ends a stream of OpenAI's. */
export const done = 'data: [DONE]\n\n';

/** Numbers the events of one response's stream, and leaves out those that its reader has. */
export class SseWriter {
  readonly #after: number;
  #next = 0;

  constructor(after: number) {
    this.#after = after;
  }

  /** What follows is news to the reader, whatever its number would have been. */
  catchUp(): void {
    this.#next = Math.max(this.#next, this.#after + 1);
  }

  /** An event, in the words in which it came where these already say its number. */
  write({ type, sequence_number, ...members }: ResponseEvent, asItCame?: string): string {
    const number = this.#next;
    this.#next += 1;
    if (number <= this.#after) return '';
    // On one line: JSON may be written on several, and a line of it would end the event here.
    const isAsItCame = asItCame !== undefined && sequence_number === number && !/[\r\n]/.test(asItCame);
    return sse(type, isAsItCame ? asItCame : JSON.stringify({ type, sequence_number: number, ...members }));
  }

  writeAll(events: Iterable<ResponseEvent>): string {
    let text = '';
    for (const event of events) text += this.write(event);
    return text;
  }
}

const sse = (type: string, data: string) => `event: ${type}\ndata: ${data}\n\n`;
