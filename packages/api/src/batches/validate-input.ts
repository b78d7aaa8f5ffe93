import type { FileStore } from '../files/file-store.ts';
import type { Batch, BatchError } from './batch.ts';
import type { BatchLines, NewLine } from './batch-lines.ts';
import { checkLine } from './check-line.ts';
import { readInputLines } from './input-lines.ts';

export interface ValidateDeps {
  files: Pick<FileStore, 'find' | 'content'>;
  lines: Pick<BatchLines, 'insert'>;
  /** Longest line. */
  lineMaxBytes: number;
}

export const linesMax = 50_000;
// Beyond these it is clear that the whole file is wrong.
const errorsMax = 100;
const insertedAtOnce = 500;

const ofFile = (code: string, message: string): BatchError => ({ code, line: null, message, param: 'input_file_id' });

/** Reads the input of a batch into lines, and says what is wrong with it. Doing so again changes nothing. */
export async function validateInput(
  batch: Batch,
  { files, lines, lineMaxBytes }: ValidateDeps,
  signal: AbortSignal,
): Promise<{ total: number; errors: BatchError[] }> {
  const file = await files.find({ tenantId: batch.tenant }, batch.input_file ?? '');
  if (!file) return { total: 0, errors: [ofFile('file_not_found', 'The input file is not there any more.')] };

  const errors: BatchError[] = [];
  const firstLines = new Map<string, number>();
  let waiting: NewLine[] = [];
  let total = 0;
  for await (const input of readInputLines(files.content(file.id), lineMaxBytes)) {
    signal.throwIfAborted();
    total += 1;
    if (total > linesMax) {
      errors.push(ofFile('too_many_requests', `The file must have at most ${linesMax} lines.`));
      break;
    }
    const line = withoutDouble(checkLine(input, batch.endpoint, lineMaxBytes), firstLines);
    if ('code' in line) errors.push(line);
    else waiting.push(line);
    if (errors.length >= errorsMax) break;
    if (waiting.length < insertedAtOnce) continue;
    if (errors.length === 0) await lines.insert(batch.id, waiting);
    waiting = [];
  }
  if (total === 0) errors.push(ofFile('empty_file', 'The file has no lines.'));
  if (errors.length === 0) await lines.insert(batch.id, waiting);
  return { total, errors };
}

function withoutDouble(line: NewLine | BatchError, firstLines: Map<string, number>): NewLine | BatchError {
  if ('code' in line) return line;
  const first = firstLines.get(line.customId);
  firstLines.set(line.customId, first ?? line.number);
  if (first === undefined) return line;
  const message = `custom_id: must be unique; line ${first} has the same`;
  return { code: 'duplicate_custom_id', line: line.number, message, param: 'custom_id' };
}
