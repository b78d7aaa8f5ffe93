import type { Frame } from '../../../delivery/event-frames.ts';
import { type Chunk, isToolCall, saysSomething } from './chunk.ts';
import { createSaid } from './said-so-far.ts';

export const sse = (data: object) => `data: ${JSON.stringify(data)}\n\n`;

export const silence = (sequence: number): Frame => ({ sequence, kind: 'life', text: '' });

/**
 * What one reader gets of chunks: with our id, and without usage that nobody asked for. Nothing is given out before there
 * is a word: until then a next attempt can begin anew.
 */
export function createChunkOutlet(id: string, wantsUsage: boolean) {
  let said = createSaid();
  let held = '';
  let hasTold = false;
  let hasUsage = false;
  let head: { created?: unknown; model?: unknown } = {};

  function write({ usage, ...chunk }: Chunk): string {
    const isUsage = usage != null && (chunk.choices ?? []).length === 0;
    if (isUsage && !wantsUsage) return '';
    if (usage != null) hasUsage = true;
    return sse({ ...chunk, id, ...(wantsUsage ? { usage: usage ?? null } : {}) });
  }

  /** As the chunks before: an answer keeps its time and its model, whoever tells the rest of it. */
  const alike = (chunk: Chunk): Chunk => ({ ...chunk, ...head });

  function tell(sequence: number, chunks: readonly Chunk[]): Frame {
    for (const chunk of chunks) {
      said.note(chunk);
      held += write(chunk);
      const { created, model } = chunk;
      if (created && model) head = { created, model };
    }
    if (!hasTold && !chunks.some(saysSomething)) return silence(sequence);
    const text = held;
    held = '';
    hasTold = true;
    return { sequence, kind: chunks.some(isToolCall) ? 'tool-call' : 'text', text };
  }

  return {
    /** Forgets what has not been given out. */
    restart(): void {
      said = createSaid();
      held = '';
      head = {};
    },
    /** Whether something was said that cannot be taken back. */
    hasTold: () => hasTold,
    hasBegun: () => said.hasBegun(),
    tell,

    /** What is new in all that was said so far; undefined where that does not go on from what was told. */
    catchUp(sequence: number, chunks: readonly Chunk[]): Frame | undefined {
      const rest = said.restOf(chunks);
      return rest && tell(sequence, rest.map(alike));
    },

    /** The rest of a whole answer; undefined where it is not the one that was begun. */
    finish(chunks: readonly Chunk[], usage: object | undefined): string | undefined {
      const rest = said.areEnded(countChoices(chunks)) ? [] : said.restOf(chunks);
      if (!rest) return undefined;
      const written = rest.map((chunk) => write(alike(chunk))).join('');
      const isUsageDue = usage !== undefined && wantsUsage && !hasUsage;
      const told = isUsageDue ? write({ ...alike(chunks[0] ?? {}), choices: [], usage }) : '';
      return `${held}${written}${told}data: [DONE]\n\n`;
    },
  };
}

const countChoices = (chunks: readonly Chunk[]) =>
  Math.max(1, new Set(chunks.flatMap(({ choices = [] }) => choices.map(({ index }) => index))).size);
