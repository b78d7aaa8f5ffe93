import { z } from 'zod';
import type { StoredFile } from './stored-file.ts';

export const fileView = z
  .object({
    id: z.string(),
    object: z.literal('file'),
    bytes: z.int(),
    created_at: z.int().describe('Unix seconds'),
    expires_at: z.int(),
    filename: z.string(),
    purpose: z.string(),
    status: z.literal('processed'),
  })
  .meta({ id: 'File' });

/** A file as OpenAI's clients read it. */
export const viewFile = ({
  id,
  bytes,
  created_at,
  expires_at,
  name,
  purpose,
}: StoredFile): z.input<typeof fileView> => ({
  id,
  object: 'file',
  bytes: Number(bytes),
  created_at: unixSeconds(created_at),
  expires_at: unixSeconds(expires_at),
  filename: name,
  purpose,
  status: 'processed',
});

const unixSeconds = (time: Date) => Math.floor(time.getTime() / 1000);
