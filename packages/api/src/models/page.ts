import { invalidField } from '../http/invalid-field.ts';

export interface Paging {
  limit?: number | undefined;
  after_id?: string | undefined;
  before_id?: string | undefined;
}

export interface Page<Item> {
  data: Item[];
  /** Whether there are further items in the direction asked for. */
  hasMore: boolean;
}

/**
 * Anthropic's paging; without any of its parameters everything, as OpenAI's clients expect. Throws `invalid_request`
 * for an id that is not in the list: starting over instead would have a client go round in circles.
 */
export function pageOf<Item extends { id: string }>(all: Item[], paging: Paging): Page<Item> {
  const { limit = all.length, after_id, before_id } = paging;
  if (before_id !== undefined) {
    const end = positionOf(all, 'before_id', before_id);
    const start = Math.max(0, end - limit);
    return { data: all.slice(start, end), hasMore: start > 0 };
  }
  const start = after_id === undefined ? 0 : positionOf(all, 'after_id', after_id) + 1;
  return { data: all.slice(start, start + limit), hasMore: start + limit < all.length };
}

function positionOf(all: readonly { id: string }[], parameter: string, id: string): number {
  const position = all.findIndex((item) => item.id === id);
  if (position === -1) throw invalidField(parameter, `"${id.slice(0, 100)}" is not in the list`);
  return position;
}
