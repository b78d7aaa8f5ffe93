import type { Part, PartOf } from '@llm-gateway/shared/contracts/content';
import { z } from 'zod';
import { noCounterpart, type Refuse } from '../../../generation/no-counterpart.ts';
import { ruleText } from '../../../http/rule-text.ts';

const textual = <Type extends string>(type: Type) => z.looseObject({ type: z.literal(type), text: z.string() });

const contentPart = z.discriminatedUnion('type', [
  textual('input_text'),
  textual('output_text'),
  textual('text'),
  z.looseObject({ type: z.literal('refusal'), refusal: z.string() }),
  z.looseObject({
    type: z.literal('input_image'),
    image_url: z.string().nullish(),
    detail: z.enum(['auto', 'low', 'high']).nullish().catch(undefined),
  }),
  z.looseObject({
    type: z.literal('input_file'),
    file_data: z.string().nullish(),
    file_url: z.string().nullish(),
    filename: z.string().nullish(),
  }),
]);

type ContentPart = z.output<typeof contentPart>;
type Source = PartOf<'image'>['source'];

/** The parts of an item's content; what other providers could not be told is refused for them. */
export function readContent(content: string | readonly unknown[], pointer: string, refuse: Refuse): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return content.flatMap((given, index) => readPart(given, `${pointer}/${index}`, refuse));
}

function readPart(given: unknown, pointer: string, refuse: Refuse): Part[] {
  const parsed = contentPart.safeParse(given, { error: ruleText });
  if (!parsed.success) {
    const type = z.object({ type: z.string() }).safeParse(given).data?.type;
    refuse(
      pointer,
      type === undefined ? 'must have a type' : `a part of type ${JSON.stringify(type)} ${noCounterpart}`,
    );
    return [];
  }
  const part = toPart(parsed.data);
  if (!part) refuse(pointer, `without its data or an address ${noCounterpart}`);
  return part ? [part] : [];
}

function toPart(part: ContentPart): Part | undefined {
  switch (part.type) {
    case 'refusal':
      return { type: 'refusal', text: part.refusal };
    case 'input_image': {
      const source = part.image_url ? sourceOf(part.image_url, 'image/png') : undefined;
      return source && { type: 'image', source, ...(part.detail ? { detail: part.detail } : {}) };
    }
    case 'input_file': {
      const source = fileSource(part);
      return source && { type: 'document', source, ...(part.filename ? { title: part.filename } : {}) };
    }
    default:
      return { type: 'text', text: part.text };
  }
}

function fileSource({ file_data, file_url }: Extract<ContentPart, { type: 'input_file' }>): Source | undefined {
  if (file_data?.startsWith('data:')) return sourceOf(file_data, 'application/pdf');
  if (file_data) return { kind: 'base64', mediaType: 'application/pdf', data: file_data };
  return file_url ? { kind: 'url', url: file_url } : undefined;
}

/** An address, or what a data URL holds. */
function sourceOf(url: string, usualType: string): Source {
  const comma = url.indexOf(',');
  const head = comma < 0 ? '' : url.slice(0, comma);
  if (!head.startsWith('data:') || !head.endsWith(';base64')) return { kind: 'url', url };
  const mediaType = head.slice('data:'.length).split(';')[0] || usualType;
  return { kind: 'base64', mediaType, data: url.slice(comma + 1) };
}
