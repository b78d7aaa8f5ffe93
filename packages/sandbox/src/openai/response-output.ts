import { createHash } from 'node:crypto';
import type { Answer } from '../answer/compose-answer.ts';
import type { ToolCall } from '../answer/compose-tool-calls.ts';
import { type TokenLogprob, toLogprobs } from '../answer/logprobs.ts';
import { splitIntoPieces } from '../answer/tokens.ts';
import { makeId } from '../call/make-id.ts';
import type { ResponsesBody } from './responses-body.ts';

/** One item of the output, with what its stream needs to build it up. */
export type OutputItem = ReasoningItem | MessageItem | CallItem;

interface Item {
  id: string;
  /** As it stands in the response in the end. */
  whole: object;
}

interface ReasoningItem extends Item {
  kind: 'reasoning';
  /** Null unless the client asked to see it. */
  summary: string | null;
  tokens: number;
}

interface MessageItem extends Item {
  kind: 'message';
  text: string;
  refused: boolean;
  /** Piece by piece; null unless asked for. */
  logprobs: TokenLogprob[] | null;
}

interface CallItem extends Item {
  kind: 'call';
  call: ToolCall;
}

type ItemStatus = 'completed' | 'incomplete';

/** What was thought, then either the message or the calls; the ids are made here, once for whole and stream. */
export function toOutput(
  answer: Answer,
  body: ResponsesBody,
  { status, unknown }: { status: ItemStatus; unknown: object },
): OutputItem[] {
  const reasoning = answer.reasoning === '' ? [] : [toReasoning(answer, body, unknown)];
  if (answer.toolCalls.length > 0) return [...reasoning, ...answer.toolCalls.map((call) => toCall(call, unknown))];
  // Who has no tokens left after thinking says nothing.
  if (answer.text === '' && reasoning.length > 0) return reasoning;
  return [...reasoning, toMessage(answer, body, status, unknown)];
}

export function toContentPart(text: string, refused: boolean, logprobs: TokenLogprob[] | null): object {
  return refused
    ? { type: 'refusal', refusal: text }
    : { type: 'output_text', text, annotations: [], logprobs: logprobs ?? [] };
}

function toReasoning({ reasoning, reasoningTokens }: Answer, body: ResponsesBody, unknown: object): ReasoningItem {
  const id = makeId('rs_');
  const summary = body.reasoning?.summary ? reasoning : null;
  const encrypted = body.include?.includes('reasoning.encrypted_content')
    ? { encrypted_content: createHash('sha256').update(reasoning).digest('base64') }
    : {};
  const parts = summary === null ? [] : [{ type: 'summary_text', text: summary }];
  const whole = { id, type: 'reasoning', summary: parts, ...encrypted, ...unknown };
  return { kind: 'reasoning', id, whole, summary, tokens: reasoningTokens };
}

function toMessage(answer: Answer, body: ResponsesBody, status: ItemStatus, unknown: object): MessageItem {
  const { text, refused } = answer;
  const wanted = body.include?.includes('message.output_text.logprobs') && !refused;
  const logprobs = wanted ? toLogprobs(splitIntoPieces(text, 1), body.top_logprobs ?? 0) : null;
  const id = makeId('msg_');
  const content = [toContentPart(text, refused, logprobs)];
  const whole = { id, type: 'message', status, role: 'assistant', content, ...unknown };
  return { kind: 'message', id, whole, text, refused, logprobs };
}

function toCall(call: ToolCall, unknown: object): CallItem {
  const { name, arguments: given, custom } = call;
  const call_id = makeId('call_');
  if (custom) {
    const id = makeId('ctc_');
    const whole = { id, type: 'custom_tool_call', status: 'completed', call_id, name, input: given, ...unknown };
    return { kind: 'call', id, whole, call };
  }
  const id = makeId('fc_');
  const whole = { id, type: 'function_call', status: 'completed', call_id, name, arguments: given, ...unknown };
  return { kind: 'call', id, whole, call };
}
