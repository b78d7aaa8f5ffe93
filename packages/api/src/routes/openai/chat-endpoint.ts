import type { NativeBody } from '@llm-gateway/shared/contracts/native-body';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { Translator } from '../../delivery/event-frames.ts';
import type { AskedBody } from '../../generation/asked-body.ts';
import { defineEndpoint, type FieldNames } from '../../generation/generation-endpoint.ts';
import { type ChatBody, chatBody } from './chat-body.ts';
import { chatChunksOf } from './dialect/chat-chunks.ts';
import { callsFunction, chatId, completionOf, toChatCompletion } from './dialect/chat-completion.ts';
import { chatChunksOfDelta } from './dialect/chat-delta-chunks.ts';
import { chatToGeneration } from './dialect/chat-to-generation.ts';
import { toChatUsage } from './dialect/chat-usage.ts';
import { createChunkTranslator } from './dialect/chunk-translator.ts';
import { chunkManner, commonOf, openaiHeaders, splitBody, wantsUsage } from './openai-members.ts';

/** `POST /v1/chat/completions` */
export const chatEndpoint = defineEndpoint({
  path: '/v1/chat/completions',
  dialect: 'openai',
  body: chatBody,
  read,
  toResult: toChatCompletion,
  translate,
  manner: chunkManner,
  providerHeaders: openaiHeaders,
  fieldNames: (body): FieldNames =>
    (body as ChatBody).max_completion_tokens ? { '/max_tokens': '/max_completion_tokens' } : {},
});

function read(body: ChatBody): AskedBody {
  const asked = splitBody(body);
  const { generation, nativeOnly } = chatToGeneration(body);
  return {
    ...commonOf(body),
    generation: { ...generation, native: nativeOf(asked) },
    nativeOnly,
    asked,
    isStreamed: body.stream === true,
    isBackground: false,
    isStored: body.store === true,
    caching: cachingOf(body),
  };
}

/** What is sent to a provider that speaks the dialect. That there is no limit is nothing to say. */
function nativeOf(asked: Record<string, unknown>): NativeBody {
  const { max_tokens, max_completion_tokens, ...body } = asked;
  return {
    api: 'chat',
    body: {
      ...body,
      ...(max_tokens ? { max_tokens } : {}),
      ...(max_completion_tokens ? { max_completion_tokens } : {}),
    },
  };
}

/** Several answers are meant to differ, and what is looked up or kept elsewhere is not in the answer alone. */
function cachingOf({ n, store, web_search_options, temperature }: ChatBody): AskedBody['caching'] {
  if ((n ?? 1) > 1 || store === true || web_search_options != null) return 'never';
  return temperature === 0 ? 'unless-refused' : 'when-asked';
}

function translate(id: string, record: JobRecord, body?: unknown): Translator {
  const asFunction = callsFunction(record);
  const created = Math.floor(record.createdMs / 1000);
  const headOf = (target = record.target) => ({
    id: chatId(id),
    created,
    model: record.answer?.providerModel ?? resolveModel(target)?.model ?? target,
  });
  return createChunkTranslator(
    {
      id: chatId(id),
      wholeOf: (ended) => toChatCompletion(id, ended),
      chunksOf: chatChunksOf,
      usageOf: ({ answer }) => answer && toChatUsage(answer.usage),
      neutral: {
        chunksOf: (delta, isFirst, target) => chatChunksOfDelta(delta, headOf(target), asFunction, isFirst),
        partialOf: (parts, target) => completionOf(headOf(target), parts, null, asFunction),
      },
    },
    wantsUsage(body),
  );
}
