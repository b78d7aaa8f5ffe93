import type { CallRecord } from './call-record.ts';

type BillEntry = ReturnType<typeof toEntry>;

interface Sum {
  calls: number;
  prompt_tokens: number;
  completion_tokens: number;
}

export interface Bill extends Sum {
  total_tokens: number;
  by_request_id: Record<string, Sum>;
  by_model: Record<string, Sum>;
  entries: BillEntry[];
}

/** What a provider would charge for these calls: those that ended and were answered, in whole or in part. */
export function makeBill(records: CallRecord[]): Bill {
  const charged = records.filter((record) => record.billed && record.state === 'ended');
  const sum = sumOf(charged);
  return {
    ...sum,
    total_tokens: sum.prompt_tokens + sum.completion_tokens,
    by_request_id: sumsBy(charged, (record) => record.request_id),
    by_model: sumsBy(charged, (record) => record.model),
    entries: charged.map(toEntry),
  };
}

function sumsBy(records: CallRecord[], keyOf: (record: CallRecord) => string | null): Record<string, Sum> {
  const groups = Map.groupBy(records, keyOf);
  return Object.fromEntries([...groups].flatMap(([key, group]) => (key === null ? [] : [[key, sumOf(group)]])));
}

function sumOf(records: CallRecord[]): Sum {
  const sum: Sum = { calls: records.length, prompt_tokens: 0, completion_tokens: 0 };
  for (const record of records) {
    sum.prompt_tokens += record.prompt_tokens;
    sum.completion_tokens += record.completion_tokens;
  }
  return sum;
}

function toEntry(record: CallRecord) {
  const { call_id, request_id, model, dialect, path, streamed, outcome, started_at, ended_at } = record;
  const { prompt_tokens, completion_tokens } = record;
  const tokens = { prompt_tokens, completion_tokens };
  return { call_id, request_id, model, dialect, path, ...tokens, streamed, outcome, started_at, ended_at };
}
