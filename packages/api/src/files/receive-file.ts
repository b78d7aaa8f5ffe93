import type { MultipartFile, MultipartValue } from '@fastify/multipart';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { FastifyRequest } from 'fastify';
import { invalidField } from '../http/invalid-field.ts';
import type { FileStore } from './file-store.ts';
import type { FileWriter } from './file-writer.ts';
import type { StoredFile } from './stored-file.ts';
import { readUploadFields, type UploadFields } from './upload-fields.ts';

export interface ReceiveOptions {
  store: Pick<FileStore, 'begin'>;
  maxBytes: number;
}

/** How long an upload may take: 200 MB at little more than 2 Mbit/s. */
export const uploadMs = 900_000;

// What the parts around the file take.
const envelopeBytes = 64 * 1024;

/**
 * Keeps the file of a multipart request, chunk by chunk as it comes. The members that say whether it is wanted come
 * after it, because the official SDK sends them so: what is refused then is removed. Throws `invalid_request` and
 * `too_large`.
 */
export async function receiveFile(
  request: FastifyRequest,
  owner: string,
  { store, maxBytes }: ReceiveOptions,
): Promise<StoredFile> {
  if (!request.isMultipart()) {
    throw new GatewayError({
      code: 'unsupported_media_type',
      field: 'content-type',
      detail: 'A file is sent as multipart/form-data, with the parts file and purpose.',
    });
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes + envelopeBytes) throw tooLarge(maxBytes);

  const { tenantId: tenant } = request.caller;
  const fields = new Map<string, string>();
  let writer: FileWriter | undefined;
  try {
    for await (const part of request.parts({ limits: { fileSize: maxBytes } })) {
      if (part.type === 'field') {
        fields.set(part.fieldname, textOf(part));
        continue;
      }
      if (part.fieldname !== 'file' || writer) throw invalidField('file', 'must be the one part with a file');
      writer = await store.begin({ tenant, owner, name: part.filename ?? 'file' });
      await spool(part, writer, maxBytes);
    }
    const asked: UploadFields = readUploadFields(fields);
    if (!writer) throw invalidField('file', 'is required');
    return await writer.finish(asked.purpose, asked.keptS);
  } catch (error) {
    // Best effort: what cannot be removed now expires.
    await writer?.discard().catch(() => undefined);
    throw clientFault(error);
  }
}

async function spool({ file }: MultipartFile, writer: FileWriter, maxBytes: number): Promise<void> {
  for await (const bytes of file) await writer.append(bytes as Buffer);
  if (file.truncated) throw tooLarge(maxBytes);
}

const textOf = ({ value }: MultipartValue): string => (typeof value === 'string' ? value : JSON.stringify(value));

const tooLarge = (maxBytes: number) =>
  new GatewayError({ code: 'too_large', field: 'file', detail: `file: must have at most ${maxBytes} bytes` });

/** A form that cannot be read is its sender's mistake; the parser's own errors know no status. */
function clientFault(error: unknown): unknown {
  if (error instanceof GatewayError || !(error instanceof Error)) return error;
  const { code = '' } = error as { code?: string };
  const isOfForm = code.startsWith('FST_') || /multipart|part terminated|boundary/i.test(error.message);
  if (!isOfForm) return error;
  const detail = 'The body is not a complete multipart form.';
  return new GatewayError({ code: 'malformed_request', detail }, error);
}
