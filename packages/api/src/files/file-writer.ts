import type { Storage } from '../storage/storage.ts';
import type { StoredFile } from './stored-file.ts';

/** A file on its way into the store. */
export interface FileWriter {
  id: string;
  /** Adds bytes; what is not yet a whole chunk stays in memory. */
  append(bytes: Uint8Array): Promise<void>;
  /** Makes it a file that its owner sees. */
  finish(purpose: string, keptS: number): Promise<StoredFile>;
  /** Removes what has been written. */
  discard(): Promise<void>;
}

const chunkBytes = 256 * 1024;

export function createFileWriter(storage: Storage, id: string, createdAt: Date): FileWriter {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let written = 0;
  let total = 0;

  async function write(content: Buffer): Promise<void> {
    const number = written;
    written += 1;
    await storage((database) => database.insertInto('file_chunk').values({ file: id, number, content }).execute());
  }

  return {
    id,

    async append(bytes) {
      total += bytes.length;
      waiting.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
      waitingBytes += bytes.length;
      if (waitingBytes < chunkBytes) return;
      const all = Buffer.concat(waiting);
      let start = 0;
      for (; all.length - start >= chunkBytes; start += chunkBytes) {
        await write(all.subarray(start, start + chunkBytes));
      }
      const rest = all.subarray(start);
      waiting = rest.length > 0 ? [rest] : [];
      waitingBytes = rest.length;
    },

    async finish(purpose, keptS) {
      if (waitingBytes > 0) await write(Buffer.concat(waiting));
      const expiresAt = new Date(createdAt.getTime() + keptS * 1000);
      const [file] = await storage((database) =>
        database
          .updateTable('file')
          .set({ purpose, bytes: String(total), expires_at: expiresAt })
          .where('id', '=', id)
          .returningAll()
          .execute(),
      );
      if (!file) throw new Error(`the upload ${id} took longer than it is kept`);
      return { ...file, purpose };
    },

    async discard() {
      await storage((database) => database.deleteFrom('file').where('id', '=', id).execute());
    },
  };
}
