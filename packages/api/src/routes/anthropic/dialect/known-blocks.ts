import { z } from 'zod';
import { ruleText } from '../../../http/rule-text.ts';

/** A block of content as it came: what it has beside its type is checked by `knownBlocks`, where the type is known. */
export const looseBlock = z.looseObject({ type: z.string().min(1) });

export type LooseBlock = z.output<typeof looseBlock>;

const text = z.looseObject({ type: z.literal('text'), text: z.string() });

// A source of another kind (a file) is the provider's to check.
const sources: Record<string, z.ZodType> = {
  base64: z.looseObject({ media_type: z.string().min(1), data: z.string() }),
  url: z.looseObject({ url: z.string().min(1) }),
  text: z.looseObject({ data: z.string() }),
  content: z.looseObject({ content: z.lazy(() => blockContent) }),
};

const source = looseBlock.superRefine(checkedBy(sources));

const image = z.looseObject({ type: z.literal('image'), source });
const document = z.looseObject({ type: z.literal('document'), source, title: z.string().nullish() });

const toolUse = z.looseObject({
  type: z.literal('tool_use'),
  id: z.string().min(1),
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()),
});

const toolResult = z.looseObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string().min(1),
  content: contentOf(z.lazy(() => looseBlock.superRefine(checkedBy(knownBlocks)))).nullish(),
  is_error: z.boolean().nullish(),
});

const thinking = z.looseObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string().nullish() });

export type TextBlock = z.output<typeof text>;
export type ImageBlock = z.output<typeof image>;
export type DocumentBlock = z.output<typeof document>;
export type ToolUseBlock = z.output<typeof toolUse>;
export type ThinkingBlock = z.output<typeof thinking>;
export interface ToolResultBlock {
  tool_use_id: string;
  content?: string | LooseBlock[] | null;
  is_error?: boolean | null;
}

/** The blocks that have a counterpart with other providers, by their types. Any other is passed on unread. */
const knownBlocks: Record<string, z.ZodType> = {
  text,
  image,
  document,
  tool_use: toolUse,
  tool_result: toolResult,
  thinking,
};

/** Text, or a list of blocks of which those are checked that are known. */
export const blockContent = contentOf(looseBlock.superRefine(checkedBy(knownBlocks)));

function contentOf<Block extends z.ZodType<LooseBlock>>(block: Block) {
  return z.union([z.string(), z.array(block)], 'must be a string or a list of content blocks');
}

/** Faults of a value whose type is in the table are those of its schema there, under their own paths. */
function checkedBy(table: Record<string, z.ZodType>) {
  return (value: LooseBlock, context: z.core.$RefinementCtx<LooseBlock>): void => {
    const parsed = Object.hasOwn(table, value.type)
      ? table[value.type]?.safeParse(value, { error: ruleText })
      : undefined;
    for (const { message, path, input } of parsed?.error?.issues ?? []) {
      context.addIssue({ code: 'custom', message, path, input });
    }
  };
}
