import type { Answer } from '../answer/compose-answer.ts';
import { toLogprobs } from '../answer/logprobs.ts';
import { splitIntoPieces } from '../answer/tokens.ts';
import type { Frame } from '../call/frame.ts';
import { finishReasons } from './chat-completion.ts';

/** What every chunk and the plain object have in common. */
export interface CompletionHead {
  id: string;
  object: 'text_completion';
  created: number;
  model: string;
  system_fingerprint: 'sandbox';
}

export interface TextChoice {
  answer: Answer;
  /** The prompt, where it is to be said again before the text. */
  echoed: string;
  /** How many likely tokens to name; null is not even the chosen one. */
  logprobs: number | null;
}

interface Part {
  text: string;
  tokens: number;
  logprobs: object | null;
}

export function toCompletion(head: CompletionHead, choices: TextChoice[], usage: object | null): object {
  return {
    ...head,
    choices: choices.map(({ answer, echoed, logprobs }, index) => ({
      text: echoed + answer.text,
      index,
      logprobs: toTextLogprobs(splitIntoPieces(answer.text, 1), logprobs, echoed.length),
      finish_reason: finishReasons[answer.finish],
    })),
    ...(usage ? { usage } : {}),
  };
}

/** `usage` is null unless the client asked to have it in a chunk of its own. */
export function* completionFrames(head: CompletionHead, choices: TextChoice[], usage: object | null): Generator<Frame> {
  const usageSoFar = usage ? { usage: null } : {};
  const lists = choices.map(partsOf);
  const steps = Math.max(...lists.map((parts) => parts.length));
  for (let step = 0; step < steps; step += 1) {
    for (const [index, parts] of lists.entries()) {
      const part = parts[step];
      if (!part) continue;
      const choice = { text: part.text, index, logprobs: part.logprobs, finish_reason: null };
      const data = { ...head, choices: [choice], ...usageSoFar };
      yield { event: null, data, tokens: part.tokens, closing: false };
    }
  }
  for (const [index, { answer }] of choices.entries()) {
    const choice = { text: '', index, logprobs: null, finish_reason: finishReasons[answer.finish] };
    yield { event: null, data: { ...head, choices: [choice], ...usageSoFar }, tokens: 0, closing: true };
  }
  if (usage) yield { event: null, data: { ...head, choices: [], usage }, tokens: 0, closing: true };
  yield { event: null, data: '[DONE]', tokens: 0, closing: true };
}

function partsOf({ answer, echoed, logprobs }: TextChoice): Part[] {
  let offset = echoed.length;
  const parts = splitIntoPieces(answer.text, 1).map((piece) => {
    const part = { ...piece, logprobs: toTextLogprobs([piece], logprobs, offset) };
    offset += piece.text.length;
    return part;
  });
  return echoed === '' ? parts : [{ text: echoed, tokens: 0, logprobs: null }, ...parts];
}

function toTextLogprobs(pieces: { text: string }[], top: number | null, startsAt: number): object | null {
  if (top === null) return null;
  let offset = startsAt;
  const text_offset = pieces.map(({ text }) => {
    offset += text.length;
    return offset - text.length;
  });
  const sure = toLogprobs(pieces, top);
  return {
    tokens: sure.map(({ token }) => token),
    token_logprobs: sure.map(({ logprob }) => logprob),
    top_logprobs: sure.map(({ top_logprobs }) =>
      Object.fromEntries(top_logprobs.map(({ token, logprob }) => [token, logprob])),
    ),
    text_offset,
  };
}
