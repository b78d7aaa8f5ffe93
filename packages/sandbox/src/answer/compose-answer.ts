import type { AnswerWishes, Ask } from './ask.ts';
import { composeJson } from './compose-json.ts';
import { composeReasoning, composeText } from './compose-text.ts';
import { composeToolCalls, type ToolCall } from './compose-tool-calls.ts';
import { isRefusalOrdered } from './markers.ts';
import { countTokens, cutToTokens } from './tokens.ts';

export interface Answer {
  /** What was thought before, seen or not. */
  reasoning: string;
  reasoningTokens: number;
  text: string;
  /** The text is the model's word that it will not answer. */
  refused: boolean;
  /** In place of the text, when the model "chose" to call tools. */
  toolCalls: ToolCall[];
  finish: 'stop' | 'length' | 'tool-call' | 'content-filter' | 'refusal';
  /** Which of the asked stop sequences ended the text. */
  stopSequence: string | null;
  /** Of the reasoning and of the text or the tools' names and arguments. */
  tokens: number;
}

type Spoken = Omit<Answer, 'reasoning' | 'reasoningTokens'>;

const REFUSAL = 'I am sorry, but this sandbox was told to refuse.';
// A content filter steps in after a few words have been seen.
const FILTERED_AFTER = 8;

/** Written as a whole before the first byte is sent, so that a stream and a plain answer cannot differ. */
export function composeAnswer(ask: Ask, wishes: AnswerWishes, choice = 0): Answer {
  // Where the answer itself is ordered, so many tokens or so few, nothing is thought beside it.
  const reasoning = isOrdered(wishes) ? '' : reasoningOf(ask, choice);
  const reasoningTokens = countTokens(reasoning);
  const tokensMax = ask.tokensMax === null ? null : ask.tokensMax - reasoningTokens;
  const spoken = speak({ ...ask, tokensMax }, wishes, choice);
  return { ...spoken, reasoning, reasoningTokens, tokens: reasoningTokens + spoken.tokens };
}

function isOrdered({ tokens, filtered }: AnswerWishes): boolean {
  return tokens !== null || filtered;
}

function reasoningOf({ reasoningTokens, tokensMax, prompt }: Ask, choice: number): string {
  if (reasoningTokens === 0) return '';
  const seed = JSON.stringify(['reasoning', prompt.texts, choice]);
  const whole = composeReasoning(prompt.last, seed, reasoningTokens);
  return cutToTokens(whole, Math.min(reasoningTokens, tokensMax ?? Infinity));
}

function speak(ask: Ask, wishes: AnswerWishes, choice: number): Spoken {
  const toolCalls = isOrdered(wishes) ? [] : composeToolCalls(ask);
  if (toolCalls.length > 0) return answerWithTools(ask, toolCalls);
  const whole = writtenText(ask, wishes, choice);
  if (wishes.filtered) {
    const text = cutToTokens(whole, Math.min(ask.tokensMax ?? Infinity, FILTERED_AFTER));
    return { ...inWords, text, finish: 'content-filter', tokens: countTokens(text) };
  }
  if (!isOrdered(wishes) && isRefusalOrdered(ask.prompt)) return refuse(ask);
  return cutAnswer(whole, ask);
}

const inWords = { refused: false, toolCalls: [], stopSequence: null } as const satisfies Partial<Spoken>;

function answerWithTools(ask: Ask, toolCalls: ToolCall[]): Spoken {
  const tokens = toolCalls.reduce((sum, call) => sum + call.tokens, 0);
  // Half an argument is of no use to anybody: a model without room for its calls runs out of tokens before them.
  if (ask.tokensMax !== null && tokens > ask.tokensMax) return cutAnswer(usualText(ask, 0), ask);
  return { ...inWords, text: '', toolCalls, finish: 'tool-call', tokens };
}

function refuse(ask: Ask): Spoken {
  const refused = cutAnswer(REFUSAL, { ...ask, stop: [] });
  return { ...refused, refused: true, finish: refused.finish === 'stop' ? 'refusal' : refused.finish };
}

function writtenText(ask: Ask, wishes: AnswerWishes, choice: number): string {
  if (wishes.tokens !== null) return cutToTokens(usualText(ask, choice, wishes.tokens), wishes.tokens);
  if (ask.json) return jsonText(ask.json.schema, ask);
  return usualText(ask, choice);
}

function usualText(ask: Ask, choice: number, tokensMin?: number): string {
  return composeText(ask.model, ask.prompt.last, JSON.stringify([ask.model, ask.prompt.texts, choice]), tokensMin);
}

function jsonText(schema: unknown, ask: Ask): string {
  const value = schema ? composeJson(schema) : { sandbox: true, model: ask.model };
  return JSON.stringify(value);
}

function cutAnswer(whole: string, { stop, tokensMax }: Ask): Spoken {
  const stopped = cutAtStop(whole, stop);
  const text = tokensMax === null ? stopped.text : cutToTokens(stopped.text, tokensMax);
  const ranOut = text !== stopped.text;
  return {
    ...inWords,
    text,
    finish: ranOut ? 'length' : 'stop',
    stopSequence: ranOut ? null : stopped.sequence,
    tokens: countTokens(text),
  };
}

function cutAtStop(text: string, stop: string[]): { text: string; sequence: string | null } {
  const hits = stop
    .filter((sequence) => sequence !== '')
    .map((sequence) => ({ sequence, at: text.indexOf(sequence) }))
    .filter(({ at }) => at >= 0)
    .sort((one, other) => one.at - other.at);
  const first = hits[0];
  return first ? { text: text.slice(0, first.at), sequence: first.sequence } : { text, sequence: null };
}
