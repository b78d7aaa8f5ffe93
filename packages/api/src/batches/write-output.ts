import type { FileStore } from '../files/file-store.ts';
import type { FileWriter } from '../files/file-writer.ts';
import { usualKeptS } from '../files/upload-fields.ts';
import type { Batch } from './batch.ts';
import type { BatchLines } from './batch-lines.ts';
import { outputLine } from './output-line.ts';

export interface OutputDeps {
  files: Pick<FileStore, 'begin'>;
  lines: Pick<BatchLines, 'ended'>;
}

/** The files of a batch by what they hold; null where there is nothing to hold. */
export interface OutputFiles {
  output_file: string | null;
  error_file: string | null;
}

const suffixes = { output_file: 'output', error_file: 'error' } as const;

/** Writes what became of a batch's lines into two files: what was answered, and what failed, expired or was cancelled. */
export async function writeOutput(
  batch: Batch,
  { files, lines }: OutputDeps,
  signal: AbortSignal,
): Promise<OutputFiles> {
  const writers = new Map<keyof OutputFiles, FileWriter>();
  const writerOf = async (kind: keyof OutputFiles): Promise<FileWriter> => {
    const { tenant, owner, id } = batch;
    const writer = writers.get(kind) ?? (await files.begin({ tenant, owner, name: `${id}_${suffixes[kind]}.jsonl` }));
    writers.set(kind, writer);
    return writer;
  };
  try {
    for await (const line of lines.ended(batch.id)) {
      signal.throwIfAborted();
      const writer = await writerOf(line.state === 'completed' ? 'output_file' : 'error_file');
      await writer.append(Buffer.from(outputLine(batch.id, line)));
    }
    for (const writer of writers.values()) await writer.finish('batch_output', batch.output_expires_s ?? usualKeptS);
  } catch (error) {
    await Promise.allSettled([...writers.values()].map((writer) => writer.discard()));
    throw error;
  }
  return { output_file: writers.get('output_file')?.id ?? null, error_file: writers.get('error_file')?.id ?? null };
}
