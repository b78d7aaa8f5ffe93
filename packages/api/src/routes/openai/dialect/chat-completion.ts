import { answerParts, type FinishReason, type PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import type { Part, PartOf } from '@llm-gateway/shared/contracts/content';
import { idAs } from '@llm-gateway/shared/contracts/ids';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { answerOf } from '../../../generation/answer-of.ts';
import { toChatUsage } from './chat-usage.ts';
import type { Whole } from './chunk.ts';

/** What of a job's record its completion is made from. */
export type Completed = Pick<JobRecord, 'answer' | 'failure' | 'createdMs'> & { generation?: JobRecord['generation'] };

export const chatId = (jobId: string): string => idAs('chatcmpl-', jobId);

/** The chat completion that a job has come to: its provider's own, or one made of what another dialect's said. */
export function toChatCompletion(id: string, record: Completed): Whole {
  const answer = answerOf(id, record);
  if (answer.native?.api === 'chat') return { ...answer.native.body, id: chatId(id) };
  const head = { id: chatId(id), created: Math.floor(record.createdMs / 1000), model: answer.providerModel };
  return {
    ...completionOf(head, answerParts(answer), finishReasonOf(answer), callsFunction(record)),
    usage: toChatUsage(answer.usage),
  };
}

export interface ChatHead {
  id: string;
  created: number;
  model: string;
}

/** A completion of one choice, be it unfinished. */
export function completionOf(
  head: ChatHead,
  parts: readonly Part[],
  finish: string | null,
  asFunction: boolean,
): Whole {
  const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
  const refusal = parts.map((part) => (part.type === 'refusal' ? part.text : '')).join('');
  // Clients parse what a call is given, and nothing is no JSON; of an unfinished one something may come yet.
  const nothing = finish === null ? '' : '{}';
  const calls = parts
    .filter((part) => part.type === 'tool-call')
    .map((call) => ({ ...call, arguments: call.arguments || nothing }));
  const isMute = text === '' && (calls.length > 0 || refusal !== '');
  const message = {
    role: 'assistant',
    content: isMute ? null : text,
    refusal: refusal === '' ? null : refusal,
    annotations: [],
    ...toCalls(calls, asFunction),
  };
  const isFunction = asFunction && finish === 'tool_calls';
  const choice = { index: 0, message, logprobs: null, finish_reason: isFunction ? 'function_call' : finish };
  return { ...head, object: 'chat.completion', choices: [choice], service_tier: null, system_fingerprint: null };
}

function toCalls(calls: readonly PartOf<'tool-call'>[], asFunction: boolean): object {
  const [first] = calls;
  if (!first) return {};
  if (asFunction) return { function_call: { name: first.name, arguments: first.arguments } };
  return {
    tool_calls: calls.map((call) => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: call.arguments },
    })),
  };
}

/** Whether a client asked as it was done before tools, and so is answered. */
export const callsFunction = ({ generation }: Completed): boolean =>
  Array.isArray(generation?.native?.body.functions) && !generation.native.body.tools;

const finishReasons = {
  stop: 'stop',
  length: 'length',
  content_filter: 'content_filter',
  tool_calls: 'tool_calls',
  other: 'stop',
} as const satisfies Record<FinishReason['unified'], string>;

const finishReasonOf = ({ finishReason }: PricedAnswer): string => finishReasons[finishReason.unified];
