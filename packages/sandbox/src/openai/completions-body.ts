import { z } from 'zod';
import type { Ask } from '../answer/ask.ts';
import { modelName } from '../call/body-parts.ts';
import { readInputs, type TextInput, textInputs } from './text-inputs.ts';

// What the vendor takes when nobody says how long the text may be.
const USUAL_TOKENS = 16;

export const completionsBody = z.looseObject({
  model: modelName,
  prompt: textInputs.nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().min(1).max(128).nullish(),
  max_tokens: z.int().min(0).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0).max(5).nullish(),
});

export type CompletionsBody = z.infer<typeof completionsBody>;

export function promptsOf({ prompt }: CompletionsBody): TextInput[] {
  return prompt ? readInputs(prompt) : [{ text: '', tokens: 0 }];
}

export function askOfCompletion(body: CompletionsBody, text: string): Ask {
  return {
    model: body.model,
    prompt: { texts: [text], last: text, afterTool: false, messages: 1, attachments: 0 },
    tools: [],
    toolChoice: 'none',
    parallelTools: false,
    reasoningTokens: 0,
    json: null,
    stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
    tokensMax: body.max_tokens || USUAL_TOKENS,
  };
}
