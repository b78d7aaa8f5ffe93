import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { invalidField } from '../../../http/invalid-field.ts';
import { inputItemIdOf } from './item-ids.ts';

export interface InputItemQuery {
  limit: number;
  order: 'asc' | 'desc';
  after?: string | undefined;
}

type Item = Record<string, unknown> & { id: string };

/** A page of what was asked, as a list of OpenAI's. Throws `invalid_request` for an item that is not there. */
export function listInputItems(jobId: string, record: JobRecord, { limit, order, after }: InputItemQuery): object {
  const all = itemsOf(jobId, record.generation.native?.body.input);
  const ordered = order === 'asc' ? all : all.toReversed();
  const start = after === undefined ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) throw invalidField('after', 'must be the id of an item of the list');
  const data = ordered.slice(start, start + limit);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: start + limit < ordered.length,
  };
}

function itemsOf(jobId: string, input: unknown): Item[] {
  const items = typeof input === 'string' ? [{ role: 'user', content: input }] : Array.isArray(input) ? input : [];
  return items.map((given: Record<string, unknown>, index) => {
    const type = typeof given.type === 'string' ? given.type : 'message';
    const id = typeof given.id === 'string' ? given.id : inputItemIdOf(jobId, type, index);
    return { ...given, type, id, ...(type === 'message' ? viewMessage(given) : {}) };
  });
}

function viewMessage({ role, content, status }: Record<string, unknown>): object {
  const type = role === 'assistant' ? 'output_text' : 'input_text';
  const parts = typeof content === 'string' ? [{ type, text: content }] : content;
  return { role, status: status ?? 'completed', content: parts };
}
