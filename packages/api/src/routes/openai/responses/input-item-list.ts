import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { type ListQuery, listFrom } from '../list.ts';
import { inputItemIdOf } from './item-ids.ts';

type Item = Record<string, unknown> & { id: string };

/** A page of what was asked. Throws `invalid_request` for an item that is not there. */
export const listInputItems = (jobId: string, record: JobRecord, query: ListQuery) =>
  listFrom(itemsOf(jobId, record.generation.native?.body.input), query);

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
