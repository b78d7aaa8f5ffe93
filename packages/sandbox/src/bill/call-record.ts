export type Outcome =
  | 'completed'
  | 'refused'
  | 'aborted'
  | 'truncated'
  | 'reset'
  | 'malformed'
  | 'errored'
  | 'wrong-content-type';

/** One call as `GET /sandbox/calls` shows it: names of headers and parameters, never a value of a prompt. */
export interface CallRecord {
  call_id: string;
  request_id: string | null;
  dialect: 'openai' | 'anthropic';
  method: string;
  path: string;
  model: string | null;
  fault: string | null;
  streamed: boolean;
  header_names: string[];
  parameters: string[];
  state: 'open' | 'ended';
  status: number | null;
  outcome: Outcome | null;
  billed: boolean;
  prompt_tokens: number;
  completion_tokens: number;
  started_at: string;
  ended_at: string | null;
}

export interface CallFilter {
  request_id?: string | undefined;
  model?: string | undefined;
}

export function matches(record: CallRecord, { request_id, model }: CallFilter): boolean {
  return (
    (request_id === undefined || record.request_id === request_id) && (model === undefined || record.model === model)
  );
}
