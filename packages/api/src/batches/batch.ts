import type { Selectable } from 'kysely';
import type { BatchStatus, BatchTable } from '../storage/storage-tables.ts';

export type Batch = Selectable<BatchTable>;

/** What is wrong with a batch as a whole, or with a line of its input, in OpenAI's form. */
export interface BatchError {
  code: string;
  line: number | null;
  message: string;
  param: string | null;
}

const finalStatuses: readonly BatchStatus[] = ['completed', 'failed', 'expired', 'cancelled'];

export const hasEnded = ({ status }: Pick<Batch, 'status'>): boolean => finalStatuses.includes(status);

/** How long a batch may take. */
export const windowMs = 24 * 3600 * 1000;
/** How long the results of message batches are kept. */
export const resultsKeptMs = 29 * 24 * 3600 * 1000;
