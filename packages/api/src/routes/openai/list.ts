import { z } from 'zod';
import { invalidField } from '../../http/invalid-field.ts';

/** A page as OpenAI's clients read it. */
export const listSchema = <Item extends z.ZodType>(item: Item) =>
  z.object({
    object: z.literal('list'),
    data: z.array(item),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  });

/** A page, and whether there are more behind it. */
export const listOf = <Item extends { id: string }>(data: readonly Item[], hasMore: boolean) => ({
  object: 'list' as const,
  data: [...data],
  first_id: data[0]?.id ?? null,
  last_id: data.at(-1)?.id ?? null,
  has_more: hasMore,
});

/** The page of what was looked for, which has one more than `limit` where there are more. */
export const listOfFound = <Item extends { id: string }>(found: readonly Item[], limit: number) =>
  listOf(found.slice(0, limit), found.length > limit);

export interface ListQuery {
  limit: number;
  order: 'asc' | 'desc';
  after?: string | undefined;
}

/** The page of what there is, in its order. Throws `invalid_request` for an item that is not there. */
export function listFrom<Item extends { id: string }>(all: readonly Item[], { limit, order, after }: ListQuery) {
  const ordered = order === 'asc' ? all : all.toReversed();
  const start = after === undefined ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) throw invalidField('after', 'must be the id of an item of the list');
  return listOfFound(ordered.slice(start), limit);
}
