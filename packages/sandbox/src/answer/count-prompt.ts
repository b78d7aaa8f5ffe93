import type { Ask, Prompt } from './ask.ts';
import { countTokens } from './tokens.ts';

// OpenAI's published chat format: 3 tokens around each message, 3 that open the answer; 85 is its low-detail image.
const TOKENS_PER_MESSAGE = 3;
const TOKENS_TO_OPEN = 3;
const TOKENS_PER_ATTACHMENT = 85;

type Counted = Pick<Ask, 'prompt' | 'tools'> & Partial<Pick<Ask, 'json'>>;

export function countPrompt({ prompt, tools, json = null }: Counted): number {
  // Both vendors put the schema of an answer into the prompt.
  const schemas = json?.schema === undefined ? tools : [...tools, json.schema];
  return (
    countParts(prompt) +
    schemas.reduce<number>((sum, schema) => sum + countSchema(schema), 0) +
    prompt.messages * TOKENS_PER_MESSAGE +
    TOKENS_TO_OPEN
  );
}

/** Of some part of a prompt, without what surrounds its messages. */
export function countParts({ texts, attachments }: Pick<Prompt, 'texts' | 'attachments'>): number {
  return texts.reduce((sum, text) => sum + countTokens(text), 0) + attachments * TOKENS_PER_ATTACHMENT;
}

export function countSchema(schema: unknown): number {
  return countTokens(JSON.stringify(schema));
}
