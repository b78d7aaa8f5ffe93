import type { Generated } from 'kysely';

// `bigint` comes as decimal text.
type Integer = string;

export interface FileTable {
  id: string;
  tenant: string;
  /** The user whose it is. */
  owner: string;
  name: string;
  /** Null while it is being uploaded. */
  purpose: string | null;
  bytes: Integer;
  created_at: Date;
  expires_at: Date;
}

export interface FileChunkTable {
  file: string;
  number: number;
  content: Buffer;
}

export type BatchKind = 'openai' | 'anthropic';

/** In OpenAI's words; Anthropic's are fewer. */
export type BatchStatus =
  | 'validating'
  | 'failed'
  | 'in_progress'
  | 'finalizing'
  | 'completed'
  | 'expired'
  | 'cancelling'
  | 'cancelled';

export interface BatchTable {
  id: string;
  tenant: string;
  /** The API key that made it; null where none was needed. */
  key: string | null;
  owner: string;
  kind: BatchKind;
  endpoint: string;
  status: BatchStatus;
  input_file: string | null;
  output_file: string | null;
  error_file: string | null;
  output_expires_s: number | null;
  /** JSON, as are `errors`. */
  metadata: string | null;
  errors: string | null;
  total: Generated<number>;
  completed: Generated<number>;
  failed: Generated<number>;
  cancelled: Generated<number>;
  expired: Generated<number>;
  input_tokens: Generated<Integer>;
  cached_tokens: Generated<Integer>;
  output_tokens: Generated<Integer>;
  reasoning_tokens: Generated<Integer>;
  created_at: Date;
  in_progress_at: Date | null;
  expires_at: Date;
  finalizing_at: Date | null;
  cancelling_at: Date | null;
  ended_at: Date | null;
  archived_at: Date | null;
  /** Whether nothing more is to be done about it: it has ended, and its webhooks have been told. */
  is_done: Generated<boolean>;
  /** The api process that works on it, and until when nobody else may. */
  lease_owner: string | null;
  lease_until: Date | null;
}

export type LineState = 'pending' | 'submitted' | 'completed' | 'failed' | 'cancelled' | 'expired';

export interface BatchLineTable {
  batch: string;
  /** Of the line in the input, from 1. */
  number: number;
  custom_id: string;
  state: LineState;
  job: string | null;
  /** The body that was sent, as JSON; null once it is answered. */
  request: string | null;
  status_code: number | null;
  request_id: string | null;
  /** The answer's body, as JSON. */
  body: string | null;
}

export type StorageTables = {
  file: FileTable;
  file_chunk: FileChunkTable;
  batch: BatchTable;
  batch_line: BatchLineTable;
};
