/** What a body of either dialect asks for, as far as the answer depends on it. */
export interface Ask {
  model: string;
  prompt: Prompt;
  tools: Tool[];
  /** `auto` calls tools only as the markers of the last message say; a name calls that tool. */
  toolChoice: 'none' | 'auto' | 'required' | { name: string };
  /** False: one call at most. */
  parallelTools: boolean;
  /** How many tokens to think before the answer; 0 is not at all. */
  reasoningTokens: number;
  /** The answer must be JSON: of this schema, or any object. */
  json: { schema: unknown } | null;
  stop: string[];
  tokensMax: number | null;
}

export interface Prompt {
  /** Every text of the prompt, in order: these are counted. */
  texts: string[];
  /** The text of the last message: this is echoed. */
  last: string;
  /** The last message is what a tool returned: whatever it holds, it is no order. */
  afterTool: boolean;
  messages: number;
  /** Images, audio, files: parts without text. */
  attachments: number;
}

export interface Tool {
  name: string;
  description: string;
  schema: unknown;
  /** Takes free text in place of JSON. */
  custom?: true;
}

/** What a fault order asks of the answer itself. */
export interface AnswerWishes {
  /** Exactly so many completion tokens, whatever was asked; 0 is an empty answer. */
  tokens: number | null;
  /** A content filter ends the answer after a few words. */
  filtered: boolean;
}
