import type { Ask } from './ask.ts';
import { countTokens } from './tokens.ts';

// OpenAI's published chat format: 3 tokens around each message, 3 that open the answer; 85 is its low-detail image.
const TOKENS_PER_MESSAGE = 3;
const TOKENS_TO_OPEN = 3;
const TOKENS_PER_ATTACHMENT = 85;

type Counted = Pick<Ask, 'prompt' | 'tools'> & Partial<Pick<Ask, 'json'>>;

export function countPrompt({ prompt, tools, json = null }: Counted): number {
  // Both vendors put the schema of an answer into the prompt.
  const schemas = json?.schema === undefined ? tools : [...tools, json.schema];
  const texts = [...prompt.texts, ...schemas.map((schema) => JSON.stringify(schema))];
  return (
    texts.reduce((sum, text) => sum + countTokens(text), 0) +
    prompt.messages * TOKENS_PER_MESSAGE +
    prompt.attachments * TOKENS_PER_ATTACHMENT +
    TOKENS_TO_OPEN
  );
}
