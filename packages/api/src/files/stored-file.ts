import type { FileTable } from '../storage/storage-tables.ts';

/** A file that is there. */
export type StoredFile = FileTable & { purpose: string };
