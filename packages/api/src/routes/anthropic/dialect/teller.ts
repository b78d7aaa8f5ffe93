import type { Json, Typed } from './frame.ts';
import { memberOfDelta, type StreamBlock } from './stream-block.ts';

/** What a reader has been told of one block. */
interface Told {
  /** By the type of the deltas. */
  texts: Map<string, string>;
  citations: number;
  isClosed: boolean;
}

/** What a message ends with. */
export interface Ending {
  delta: Json;
  usage: Json;
}

/**
 * Keeps the events of one reader's message in their order: one block after the other, nothing twice. What it is given it
 * gives back with what has to come before.
 */
export class Teller {
  readonly #blocks: Told[] = [];
  #stage: 'silent' | 'open' | 'ending' | 'stopped' = 'silent';

  get hasBegun(): boolean {
    return this.#stage !== 'silent';
  }

  tell(event: Typed): Typed[] {
    switch (event.type) {
      case 'message_start':
        if (this.hasBegun) return [];
        this.#stage = 'open';
        return [event];
      case 'content_block_start':
        return this.#openBlock(event);
      case 'content_block_delta':
        this.#noteDelta(event);
        return [event];
      case 'content_block_stop':
        return this.#closeBlock(event);
      case 'message_delta':
        this.#stage = 'ending';
        return [...this.#closeBlocks(), event];
      case 'message_stop':
        if (this.#stage === 'stopped') return [];
        this.#stage = 'stopped';
        return [event];
      default:
        return [event];
    }
  }

  /** The events that are lacking of a message's content; undefined where it does not go on with what was told. */
  catchUp(content: readonly StreamBlock[]): Typed[] | undefined {
    if (this.#stage === 'ending' || this.#stage === 'stopped') return [];
    if (content.length < this.#blocks.length) return undefined;
    const events: Typed[] = [];
    for (const [index, block] of content.entries()) {
      const told = this.#blocks[index];
      const opening = told ? [] : this.tell({ type: 'content_block_start', index, content_block: block.opening });
      const rest = told ? restOf(block, told) : block.deltas;
      if (!rest) return undefined;
      events.push(...opening, ...rest.flatMap((delta) => this.tell({ type: 'content_block_delta', index, delta })));
    }
    return events;
  }

  /** What is lacking of the end. */
  finish({ delta, usage }: Ending): Typed[] {
    const ending = this.#stage === 'open' ? this.tell({ type: 'message_delta', delta, usage }) : [];
    return [...ending, ...this.tell({ type: 'message_stop' })];
  }

  /** A block that a whole has told of may be begun again by its provider's own event. */
  #openBlock(event: Typed): Typed[] {
    const index = Number(event.index);
    if (this.#blocks[index]) return [];
    const before = this.#closeBlocks();
    this.#blocks[index] = { texts: textsOf(event.content_block as Json), citations: 0, isClosed: false };
    return [...before, event];
  }

  #noteDelta(event: Typed): void {
    const told = this.#blocks[Number(event.index)];
    const delta = event.delta as Typed;
    const member = memberOfDelta(delta.type);
    if (told && member) told.texts.set(delta.type, `${told.texts.get(delta.type) ?? ''}${delta[member] ?? ''}`);
    if (told && delta.type === 'citations_delta') told.citations += 1;
  }

  #closeBlock(event: Typed): Typed[] {
    const told = this.#blocks[Number(event.index)];
    if (!told || told.isClosed) return [];
    told.isClosed = true;
    return [event];
  }

  #closeBlocks(): Typed[] {
    return this.#blocks.flatMap((_told, index) => this.#closeBlock({ type: 'content_block_stop', index }));
  }
}

/** What of a block has not been told; undefined where it is another one than was told of. */
function restOf({ deltas }: StreamBlock, told: Told): Typed[] | undefined {
  const rest: Typed[] = [];
  for (const delta of unheard(deltas, told)) {
    const more = restOfDelta(delta, told);
    if (!more) return undefined;
    rest.push(...more);
  }
  return rest;
}

/** What a block opens with counts as told. */
function textsOf(opening: Json): Map<string, string> {
  const texts = new Map<string, string>();
  for (const type of ['text_delta', 'thinking_delta', 'signature_delta']) {
    const text = opening[memberOfDelta(type) ?? ''];
    if (typeof text === 'string') texts.set(type, text);
  }
  return texts;
}

/** Citations are told whole, one after the other. */
function unheard(deltas: readonly Typed[], told: Told): Typed[] {
  let skipped = 0;
  return deltas.filter(({ type }) => type !== 'citations_delta' || ++skipped > told.citations);
}

function restOfDelta(delta: Typed, { texts, isClosed }: Told): Typed[] | undefined {
  const member = memberOfDelta(delta.type);
  if (member === undefined) return isClosed ? undefined : [delta];
  const text = String(delta[member]);
  const heard = texts.get(delta.type) ?? '';
  if (!text.startsWith(heard)) return isSameJson(delta, heard) ? [] : undefined;
  if (text.length === heard.length) return [];
  // Only the arguments of a call may still come when another block has begun: calls can be told side by side.
  return isClosed && delta.type !== 'input_json_delta' ? undefined : [{ ...delta, [member]: text.slice(heard.length) }];
}

/** Whether what was streamed of a call's arguments is all of them, however it was spaced. */
function isSameJson({ type, partial_json: json }: Typed, heard: string): boolean {
  if (type !== 'input_json_delta') return false;
  try {
    return JSON.stringify(JSON.parse(heard)) === json;
  } catch {
    return false;
  }
}
