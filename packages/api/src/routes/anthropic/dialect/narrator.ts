import type { Delta } from '@llm-gateway/shared/contracts/content';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { blocksOfDeltas, createPlacer, type Placer, type PlacerOptions } from './blocks-of-deltas.ts';
import { eventText, type Json, rawEventText, type Typed } from './frame.ts';
import { endOf, startOf } from './native-message.ts';
import { blocksOfContent, type StreamBlock } from './stream-block.ts';
import { Teller } from './teller.ts';
import { blocksOfAnswer, emptyMessage, endingOf, messageIdOf, nativeOf, placerOptions } from './to-message.ts';

type SoFar = Pick<Extract<JobEvent, { type: 'snapshot' }>, 'native'> & { text?: string; deltas?: Delta[] | undefined };

/** An event of a provider's, and its JSON as we tell it. */
interface Own {
  event: Typed;
  json: string;
}

/** An event that a provider sends before it knows whether it will say a word; a failure can still be an HTTP error. */
const isPrelude = ({ type, content_block }: Typed): boolean =>
  type === 'message_start' ||
  type === 'ping' ||
  (type === 'content_block_start' && ['text', 'thinking', 'tool_use'].includes((content_block as Typed)?.type));

const textOf = (events: readonly Typed[]): string => events.map(eventText).join('');

/**
 * Tells one reader a message, in whichever form it comes: as its provider's events, as deltas, or whole. Texts are
 * server-sent events; undefined says that what comes does not go on with what was told.
 */
export class Narrator {
  readonly #id: string;
  #model: string;
  readonly #options: PlacerOptions;
  #teller = new Teller();
  #place: Placer;
  #prelude: Own[] = [];

  constructor(id: string, model: string, asked: Json | undefined) {
    this.#id = id;
    this.#model = model;
    this.#options = placerOptions(id, asked);
    this.#place = createPlacer(this.#options);
  }

  get hasBegun(): boolean {
    return this.#teller.hasBegun;
  }

  /** Forgets what was not told, and knows the model that is asked now, as its provider names it. */
  reset(model = this.#model): void {
    this.#model = model;
    this.#teller = new Teller();
    this.#place = createPlacer(this.#options);
    this.#prelude = [];
  }

  add(deltas: readonly Delta[]): string {
    return deltas.map((delta) => this.#addOne(delta)).join('');
  }

  pass(frames: readonly string[]): string {
    return frames.map((frame) => this.#passFrame(frame)).join('');
  }

  catchUp({ native, text = '', deltas = [{ type: 'text', text }] }: SoFar): string | undefined {
    const body = nativeOf({ native });
    if (body) return this.#catchUp(blocksOfContent(body.content), startOf(body, messageIdOf(this.#id)));
    this.#place = createPlacer(this.#options);
    return this.#catchUp(blocksOfDeltas(deltas, this.#place), this.#start());
  }

  end({ answer }: Pick<JobRecord, 'answer'>): string | undefined {
    if (!answer) return undefined;
    const body = nativeOf(answer);
    const blocks = body ? blocksOfContent(body.content) : blocksOfAnswer(answer, this.#options);
    const before = this.#begin(body ? startOf(body, messageIdOf(this.#id)) : this.#start());
    const rest = this.#teller.catchUp(blocks);
    return rest && before + textOf([...rest, ...this.#teller.finish(body ? endOf(body) : endingOf(answer))]);
  }

  #start(): Typed {
    return { type: 'message_start', message: emptyMessage(this.#id, this.#model) };
  }

  /** The first events, where nothing has been told. */
  #begin(start = this.#start()): string {
    return this.hasBegun ? '' : textOf([...this.#teller.tell(start), { type: 'ping' }]);
  }

  #addOne(delta: Delta): string {
    const placed = this.#place(delta);
    if (!placed) return '';
    const { index, opening, deltas } = placed;
    const before = this.#begin();
    const opened = opening ? this.#teller.tell({ type: 'content_block_start', index, content_block: opening }) : [];
    const told = deltas.flatMap((added) => this.#teller.tell({ type: 'content_block_delta', index, delta: added }));
    return before + textOf([...opened, ...told]);
  }

  #catchUp(blocks: readonly StreamBlock[], start: Typed): string | undefined {
    if (blocks.length === 0 && !this.hasBegun) {
      this.#prelude = [{ event: start, json: JSON.stringify(start) }];
      return '';
    }
    const before = this.#begin(start);
    const rest = this.#teller.catchUp(blocks);
    return rest && before + textOf(rest);
  }

  #passFrame(frame: string): string {
    const event = JSON.parse(frame) as Typed;
    // The end is told when the job has ended, and a failure in the terms of its record.
    if (event.type === 'message_stop' || event.type === 'error') return '';
    const own = toOwn(event, frame, this.#id);
    if (!this.hasBegun && isPrelude(event)) {
      this.#prelude.push(own);
      return '';
    }
    return this.#tellPrelude() + this.#passOn(own);
  }

  /** Nothing comes before the start but comments. */
  #tellPrelude(): string {
    if (this.hasBegun) return '';
    const start = this.#prelude.findIndex(({ event }) => event.type === 'message_start');
    const before = start === -1 ? this.#begin() : '';
    const told = this.#prelude.slice(Math.max(0, start)).map((own) => this.#passOn(own));
    this.#prelude = [];
    return before + told.join('');
  }

  #passOn({ event, json }: Own): string {
    const told = this.#teller.tell(event);
    return told.map((each) => (each === event ? rawEventText(event.type, json) : eventText(each))).join('');
  }
}

/** A provider's event with our id in it, on one line; else as it came. */
function toOwn(event: Typed, frame: string, id: string): Own {
  if (event.type !== 'message_start') return { event, json: /[\r\n]/.test(frame) ? JSON.stringify(event) : frame };
  const started = { ...event, message: { ...(event.message as Json), id: messageIdOf(id) } };
  return { event: started, json: JSON.stringify(started) };
}
