import type { Part } from '@llm-gateway/shared/contracts/content';
import { invalidField } from '../../../http/invalid-field.ts';
import type { ContentPart } from '../chat-body.ts';

const base64Url = /^data:([^;,]+);base64,(.+)$/s;

/**
 * A part of a message in the neutral form; undefined where it has none. Throws `invalid_request` for a part without the
 * member that its kind is named for.
 */
export function readPart(part: ContentPart, pointer: string): Part | undefined {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: needed(part.text, `${pointer}/text`) };
    case 'refusal':
      return { type: 'refusal', text: needed(part.refusal, `${pointer}/refusal`) };
    case 'image_url':
      return readImage(needed(part.image_url, `${pointer}/image_url`));
    case 'file':
      return readFile(needed(part.file, `${pointer}/file`));
    default:
      return undefined;
  }
}

export function needed<T>(member: T | null | undefined, pointer: string): T {
  if (member === null || member === undefined) throw invalidField(pointer, 'is required');
  return member;
}

const details = ['auto', 'low', 'high'] as const;

function readImage({ url, detail: wish }: NonNullable<ContentPart['image_url']>): Part | undefined {
  const detail = details.find((known) => known === wish);
  const source = sourceOf(url);
  return source && { type: 'image', source, ...(detail === undefined ? {} : { detail }) };
}

function sourceOf(url: string) {
  const [, mediaType, data] = base64Url.exec(url) ?? [];
  if (mediaType !== undefined && data !== undefined) return { kind: 'base64' as const, mediaType, data };
  return /^https?:\/\//i.test(url) ? { kind: 'url' as const, url } : undefined;
}

/** A file that was uploaded is known to OpenAI alone, and so are other kinds of files than this one. */
function readFile({ file_data, filename }: NonNullable<ContentPart['file']>): Part | undefined {
  const source = file_data ? sourceOf(file_data) : undefined;
  if (source?.kind !== 'base64' || source.mediaType !== 'application/pdf') return undefined;
  return { type: 'document', source, ...(filename ? { title: filename } : {}) };
}
