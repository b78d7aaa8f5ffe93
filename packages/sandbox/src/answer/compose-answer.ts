import type { AnswerWishes, Ask, Tool } from './ask.ts';
import { composeJson } from './compose-json.ts';
import { composeText } from './compose-text.ts';
import { countTokens, cutToTokens } from './tokens.ts';

export interface Answer {
  text: string;
  /** In place of the text, when the model "chose" to call a tool. */
  toolCall: ToolCall | null;
  finish: 'stop' | 'length' | 'tool-call' | 'content-filter';
  /** Which of the asked stop sequences ended the text. */
  stopSequence: string | null;
  /** Tokens of the text, or of the tool's name and arguments. */
  tokens: number;
}

export interface ToolCall {
  name: string;
  arguments: string;
}

/** Written as a whole before the first byte is sent, so that a stream and a plain answer cannot differ. */
export function composeAnswer(ask: Ask, wishes: AnswerWishes, choice = 0): Answer {
  const toolCall = chosenTool(ask, wishes);
  if (toolCall) return answerWithTool(ask, toolCall);
  const whole = writtenText(ask, wishes, choice);
  if (wishes.filtered) {
    const text = cutToTokens(whole, Math.min(ask.tokensMax ?? Infinity, FILTERED_AFTER));
    return { text, toolCall: null, finish: 'content-filter', stopSequence: null, tokens: countTokens(text) };
  }
  return cutAnswer(whole, ask);
}

// A content filter steps in after a few words have been seen.
const FILTERED_AFTER = 8;

function chosenTool(ask: Ask, wishes: AnswerWishes): ToolCall | null {
  const tool = askedTool(ask);
  if (!tool || wishes.tokens !== null || wishes.filtered) return null;
  return { name: tool.name, arguments: JSON.stringify(composeJson(tool.schema ?? { type: 'object' }) ?? {}) };
}

function askedTool({ tools, toolChoice, prompt }: Ask): Tool | undefined {
  if (typeof toolChoice === 'object') return tools.find((tool) => tool.name === toolChoice.name);
  if (toolChoice === 'required' || (toolChoice === 'auto' && prompt.last.includes('[[tool]]'))) return tools[0];
  return undefined;
}

function answerWithTool(ask: Ask, toolCall: ToolCall): Answer {
  const tokens = countTokens(toolCall.name) + countTokens(toolCall.arguments);
  // Half an argument is of no use to anybody: a model without room for the call runs out of tokens before it.
  if (ask.tokensMax !== null && tokens > ask.tokensMax) return cutAnswer(usualText(ask, 0), ask);
  return { text: '', toolCall, finish: 'tool-call', stopSequence: null, tokens };
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

function cutAnswer(whole: string, { stop, tokensMax }: Ask): Answer {
  const stopped = cutAtStop(whole, stop);
  const text = tokensMax === null ? stopped.text : cutToTokens(stopped.text, tokensMax);
  const ranOut = text !== stopped.text;
  return {
    text,
    toolCall: null,
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
