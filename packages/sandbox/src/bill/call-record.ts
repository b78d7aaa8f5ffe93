export type Outcome =
  | 'completed'
  | 'refused'
  | 'aborted'
  | 'truncated'
  | 'reset'
  | 'malformed'
  | 'errored'
  | 'wrong-content-type';

/**
 * One call as `GET /sandbox/calls` shows it: names of headers and parameters, never a value of a prompt, unless the
 * bodies are asked for (`?bodies=true`).
 */
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
  /** The values of the few headers that steer a vendor: `anthropic-beta`, `openai-organization` and the like. */
  headers: Record<string, string>;
  /** The last characters of each credential, by the header that carried it: tells keys apart without telling them. */
  credentials: Record<string, string>;
  parameters: string[];
  state: 'open' | 'ended';
  status: number | null;
  outcome: Outcome | null;
  billed: boolean;
  prompt_tokens: number;
  completion_tokens: number;
  /** Of the prompt tokens, those that were written to and read from a prompt cache. */
  cache_write_tokens: number;
  cache_read_tokens: number;
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
