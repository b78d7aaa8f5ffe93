import { z } from 'zod';

/** Members that both vendors' bodies have in common. `null` is as good as absent: the SDKs' types allow it. */
export const modelName = z.string().min(1).max(256);
export const contentPart = z.looseObject({
  type: z.string(),
  text: z.string().nullish(),
  refusal: z.string().nullish(),
});

export type ContentPart = z.infer<typeof contentPart>;

/** Splits the content of one message into what is counted as text and what is not. */
export function readContent(content: string | readonly ContentPart[] | null | undefined): {
  texts: string[];
  attachments: number;
} {
  if (content === null || content === undefined) return { texts: [], attachments: 0 };
  if (typeof content === 'string') return { texts: [content], attachments: 0 };
  const texts = content.flatMap((part) => part.text ?? part.refusal ?? []);
  return { texts, attachments: content.length - texts.length };
}
