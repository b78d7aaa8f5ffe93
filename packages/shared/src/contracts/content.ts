import { z } from 'zod';

const bytes = { mediaType: z.string(), data: z.string().describe('base64') };

/** Where the bytes of an image or a document are. */
const source = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('url'), url: z.string() }),
  z.object({ kind: z.literal('base64'), ...bytes }),
]);

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const imagePart = z.object({
  type: z.literal('image'),
  source,
  /** OpenAI's wish for how closely to look. */
  detail: z.enum(['auto', 'low', 'high']).optional(),
});

const toolCallPart = z.object({
  type: z.literal('tool-call'),
  id: z.string(),
  name: z.string(),
  /** JSON, as the model wrote it: it need not be valid. */
  arguments: z.string(),
});

/**
 * A piece of what is said, in either direction. What no other provider could be told (audio, citations, hosted tools)
 * has no part: it travels in the client's own body, to a provider that speaks its dialect.
 */
export const part = z.discriminatedUnion('type', [
  textPart,
  imagePart,
  z.object({ type: z.literal('document'), source, title: z.string().optional() }),
  toolCallPart,
  z.object({
    type: z.literal('tool-result'),
    callId: z.string(),
    content: z.array(z.discriminatedUnion('type', [textPart, imagePart])),
    isError: z.boolean().optional(),
  }),
  z.object({
    type: z.literal('reasoning'),
    text: z.string(),
    /** By which its provider knows it again. */
    signature: z.string().optional(),
  }),
  z.object({ type: z.literal('refusal'), text: z.string() }),
]);

export type Part = z.infer<typeof part>;
export type PartOf<Type extends Part['type']> = Extract<Part, { type: Type }>;

const choice = {
  /** Of several answers to one request, which; absent for the only one. */
  choice: z.number().int().positive().optional(),
};

/** What one piece of a stream adds to an answer. */
export const delta = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string(), ...choice }),
  z.object({ type: z.literal('refusal'), text: z.string(), ...choice }),
  z.object({ type: z.literal('reasoning'), text: z.string(), signature: z.string().optional(), ...choice }),
  z.object({
    type: z.literal('tool-call'),
    /** Which of the answer's tool calls: dense from 0. */
    index: z.number().int().nonnegative(),
    /** With the first delta of a call, and never again. */
    id: z.string().optional(),
    name: z.string().optional(),
    /** The next characters of its arguments. */
    arguments: z.string(),
    ...choice,
  }),
]);

export type Delta = z.infer<typeof delta>;
