import { z } from 'zod';
import { ruleText } from '../../../http/rule-text.ts';

/** A block of content as it came: what it has beside its type is checked by `knownBlocks`, where the type is known. */
export const looseBlock = z.looseObject({ type: z.string().min(1) });

export type LooseBlock = z.output<typeof looseBlock>;

const text = z.looseObject({ type: z.literal('text'), text: z.string() });

const base64 = z.looseObject({ media_type: z.string().min(1), data: z.string() });
const url = z.looseObject({ url: z.string().min(1) });

// A source of another kind (a file) is the provider's to check.
const image = z.looseObject({
  type: z.literal('image'),
  source: looseBlock.superRefine(checkedBy({ base64, url })),
});

/** Of a document that is made of blocks. */
const plainBlocks = { text, image };
const plainContent = contentOf(plainBlocks);

const documentSources = {
  base64,
  url,
  text: z.looseObject({ data: z.string() }),
  content: z.looseObject({ content: plainContent }),
};

const document = z.looseObject({
  type: z.literal('document'),
  source: looseBlock.superRefine(checkedBy(documentSources)),
  title: z.string().nullish(),
});

const toolUse = z.looseObject({
  type: z.literal('tool_use'),
  id: z.string().min(1),
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()),
});

/** Of what a tool has returned. */
const resultBlocks = { ...plainBlocks, document };

const toolResult = z.looseObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string().min(1),
  content: contentOf(resultBlocks).nullish(),
  is_error: z.boolean().nullish(),
});

const thinking = z.looseObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string().nullish() });

/** The blocks that have a counterpart with other providers, by where they stand. Any other is passed on unread. */
export const knownBlocks = {
  document: plainBlocks,
  toolResult: resultBlocks,
  message: { ...resultBlocks, tool_use: toolUse, tool_result: toolResult, thinking },
} as const satisfies Record<string, Table>;

export type Place = keyof typeof knownBlocks;

/** Text, or a list of blocks of which those are checked that are known. */
export const blockContent = contentOf(knownBlocks.message);

export type TextBlock = z.output<typeof text>;
export type ImageBlock = z.output<typeof image>;
export type DocumentBlock = z.output<typeof document>;
export type ToolUseBlock = z.output<typeof toolUse>;
export type ToolResultBlock = z.output<typeof toolResult>;
export type ThinkingBlock = z.output<typeof thinking>;

type Table = Readonly<Record<string, z.ZodType>>;

function contentOf(known: Table) {
  const block = looseBlock.superRefine(checkedBy(known));
  return z.union([z.string(), z.array(block)], 'must be a string or a list of content blocks');
}

/** Faults of a value whose type is in the table are those of its schema there, under their own paths. */
function checkedBy(table: Table) {
  return (value: LooseBlock, context: z.core.$RefinementCtx<LooseBlock>): void => {
    const parsed = Object.hasOwn(table, value.type)
      ? table[value.type]?.safeParse(value, { error: ruleText })
      : undefined;
    for (const { message, path, input } of parsed?.error?.issues ?? []) {
      context.addIssue({ code: 'custom', message, path, input });
    }
  };
}
