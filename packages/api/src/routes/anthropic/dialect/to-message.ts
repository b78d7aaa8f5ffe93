import { type Answer, answerParts, type Usage } from '@llm-gateway/shared/contracts/answer';
import type { Part } from '@llm-gateway/shared/contracts/content';
import { deltasOfParts } from '@llm-gateway/shared/contracts/deltas';
import { idAs } from '@llm-gateway/shared/contracts/ids';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { answerOf } from '../../../generation/answer-of.ts';
import { blocksOfDeltas, createPlacer, type PlacerOptions } from './blocks-of-deltas.ts';
import type { Json } from './frame.ts';
import { invalidJson, type StreamBlock } from './stream-block.ts';
import type { Ending } from './teller.ts';

/** The id of a job as that of its message. */
export const messageIdOf = (jobId: string): string => idAs('msg_', jobId);

/** A model of ours as its provider names it: so much is known when a stream begins. */
export const modelNameOf = (target: string): string => resolveModel(target)?.model ?? target;

/** The message of a job that has an answer: as its provider wrote it, or made of the neutral form. */
export function toMessage(id: string, record: JobRecord): Json {
  const answer = answerOf(id, record);
  const body = nativeOf(answer);
  if (body) return { ...body, id: messageIdOf(id) };
  const blocks = blocksOfAnswer(answer, placerOptions(id, record.generation.native?.body));
  const { delta, usage } = endingOf(answer);
  const { stop_reason, stop_sequence, stop_details } = delta;
  const head = emptyMessage(id, modelNameOf(answer.target ?? record.target));
  return {
    ...head,
    content: blocks.map(contentOf),
    stop_reason,
    stop_sequence,
    stop_details,
    usage: { ...head.usage, ...usage },
  };
}

/** What of an answer is a message already. */
export const nativeOf = ({ native }: Pick<Answer, 'native'>): Json | undefined =>
  native?.api === 'messages' ? native.body : undefined;

/** How the blocks of a job's answer are made; thinking is shown to a client that asked for it. */
export const placerOptions = (id: string, asked: Json | undefined): PlacerOptions => ({
  makeCallId: (index) => `${idAs('toolu_', id)}_${index}`,
  showsThinking: asksForThinking(asked?.thinking),
});

function asksForThinking(thinking: unknown): boolean {
  const { type = 'disabled', display } = (thinking ?? {}) as { type?: string; display?: unknown };
  return type !== 'disabled' && display !== 'omitted';
}

export const blocksOfAnswer = (answer: Answer, options: PlacerOptions): StreamBlock[] =>
  blocksOfDeltas(deltasOfParts(answerParts(answer)), createPlacer(options));

/** The message of which nothing has been said yet. Its usage is put right at its end: nobody knows it before. */
export const emptyMessage = (id: string, model: string) => ({
  id: messageIdOf(id),
  type: 'message',
  role: 'assistant',
  model,
  content: [],
  stop_reason: null,
  stop_sequence: null,
  stop_details: null,
  container: null,
  diagnostics: null,
  usage: {
    input_tokens: 0,
    output_tokens: 0,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation: null,
    output_tokens_details: null,
    server_tool_use: null,
    service_tier: null,
    inference_geo: null,
    speed: null,
  },
});

/** The last words of an answer of another provider. */
export function endingOf(answer: Answer): Ending {
  const stop_reason = stopReasonOf(answer);
  const stop_details = stop_reason === 'refusal' ? { type: 'refusal', category: null, explanation: null } : null;
  return { delta: { stop_reason, stop_sequence: null, stop_details }, usage: toMessageUsage(answer.usage) };
}

/** Which stop sequence was met only Anthropic tells. OpenAI says `stop` after a call that it was made to make. */
function stopReasonOf(answer: Answer): string {
  const has = (type: Part['type']) => answerParts(answer).some((part) => part.type === type);
  const { unified } = answer.finishReason;
  if (unified === 'length') return 'max_tokens';
  if (unified === 'content_filter' || has('refusal')) return 'refusal';
  return unified === 'tool_calls' || has('tool-call') ? 'tool_use' : 'end_turn';
}

/** Anthropic counts what came from or went to the cache apart from the rest of the prompt. */
function toMessageUsage({ promptTokens, completionTokens, ...parts }: Usage): Json {
  const { cachedPromptTokens = 0, cacheWriteTokens = 0, reasoningTokens } = parts;
  return {
    input_tokens: Math.max(0, promptTokens - cachedPromptTokens - cacheWriteTokens),
    cache_creation_input_tokens: cacheWriteTokens,
    cache_read_input_tokens: cachedPromptTokens,
    output_tokens: completionTokens,
    output_tokens_details: reasoningTokens === undefined ? null : { thinking_tokens: reasoningTokens },
    server_tool_use: null,
  };
}

/** A block with all that was added to it. */
function contentOf({ opening, deltas }: StreamBlock): Json {
  const added = Object.fromEntries(deltas.map(({ type, ...text }) => Object.entries(text)[0] ?? [type, undefined]));
  const { partial_json: json, ...texts } = added;
  return { ...opening, ...texts, ...(json === undefined ? {} : { input: inputOf(String(json)) }) };
}

/** The arguments of a call as the object that they have to be. */
function inputOf(json: string): unknown {
  try {
    const input: unknown = JSON.parse(json);
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input;
  } catch {
    // Told as it is.
  }
  return { [invalidJson]: json };
}
