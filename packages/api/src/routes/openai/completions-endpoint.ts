import { idAs } from '@llm-gateway/shared/contracts/ids';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { AskedBody } from '../../generation/asked-body.ts';
import { defineEndpoint } from '../../generation/generation-endpoint.ts';
import { type CompletionsBody, completionsBody } from './completions-body.ts';
import { toChatUsage } from './dialect/chat-usage.ts';
import type { Whole } from './dialect/chunk.ts';
import { createChunkTranslator } from './dialect/chunk-translator.ts';
import { completionChunksOf } from './dialect/completion-chunks.ts';
import { nativeAnswerOf, onlyOf } from './native-endpoint.ts';
import { chunkManner, commonOf, openaiHeaders, splitBody, wantsUsage } from './openai-members.ts';
import { textsOf } from './token-input.ts';

const path = '/v1/completions';

/** `POST /v1/completions`: text in, text out, as it was before chats. */
export const completionsEndpoint = defineEndpoint({
  path,
  dialect: 'openai',
  body: completionsBody,
  read,
  toResult: toCompletion,
  translate: (id, _record, body) =>
    createChunkTranslator(
      {
        id: completionId(id),
        wholeOf: (ended) => toCompletion(id, ended),
        chunksOf: completionChunksOf,
        usageOf: ({ answer }) => answer && toChatUsage(answer.usage),
      },
      wantsUsage(body),
    ),
  manner: chunkManner,
  providerHeaders: openaiHeaders,
});

// OpenAI's own, where a body has none.
const usualMaxTokens = 16;

function read(body: CompletionsBody): AskedBody {
  const { temperature } = body;
  const asked = splitBody(body);
  const prompts = textsOf(body.prompt ?? '');
  const choices = prompts.length * Math.max(body.n ?? 1, body.best_of ?? 1);
  return {
    ...commonOf(body),
    // For those who count. What is asked is in the body.
    generation: {
      messages: prompts.map((text) => ({ role: 'user', text })),
      maxTokens: body.max_tokens || usualMaxTokens,
      ...(choices > 1 ? { choices } : {}),
      native: { api: 'completions', body: asked },
    },
    nativeOnly: onlyOf(path),
    asked,
    isStreamed: body.stream === true,
    isBackground: false,
    caching: (body.n ?? 1) > 1 ? 'never' : temperature === 0 ? 'unless-refused' : 'when-asked',
  };
}

const completionId = (jobId: string) => idAs('cmpl-', jobId);

function toCompletion(id: string, record: JobRecord): Whole {
  return { ...nativeAnswerOf(id, record, 'completions'), id: completionId(id) };
}
