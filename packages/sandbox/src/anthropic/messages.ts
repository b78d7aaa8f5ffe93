import type { IncomingHttpHeaders } from 'node:http';
import type { Ask } from '../answer/ask.ts';
import { type Answer, composeAnswer } from '../answer/compose-answer.ts';
import { countPrompt } from '../answer/count-prompt.ts';
import { unknownMember } from '../answer/markers.ts';
import type { Endpoint } from '../call/endpoint.ts';
import { makeId } from '../call/make-id.ts';
import { readBody } from '../call/read-body.ts';
import { Refusal } from '../call/refusal.ts';
import { anthropicDialect } from './anthropic-dialect.ts';
import { toMessage } from './message.ts';
import { type MessageHead, toBlocks } from './message-blocks.ts';
import { messageFrames } from './message-frames.ts';
import { type PromptUsage, toMessageUsage } from './message-usage.ts';
import { askOfMessages, type MessagesBody, messagesBody } from './messages-body.ts';
import { promptBlocksOf } from './prompt-blocks.ts';
import type { PromptCache } from './prompt-cache.ts';

/** `POST /v1/messages` */
export function createMessages(cache: PromptCache): Endpoint<MessagesBody> {
  return {
    read(given, headers) {
      const body = readBody(messagesBody, given);
      refuseSampling(body, headers);
      return body;
    },

    answer(body, plan, call) {
      const ask = askOfMessages(body);
      const answer = composeAnswer(ask, plan);
      const head = toHead(body, ask, answer);
      const blocks = toBlocks(head, answer);
      const promptTokens = countPrompt(ask);
      const { writeTokens, readTokens, ttl } = cache.use(body.model, promptBlocksOf(body));
      const prompt: PromptUsage = {
        inputTokens: promptTokens - writeTokens - readTokens,
        cacheWriteTokens: writeTokens,
        cacheReadTokens: readTokens,
        ttl,
      };
      return {
        promptTokens,
        cache: { write: writeTokens, read: readTokens },
        completionTokens: answer.tokens,
        whole: () => toMessage(head, answer, blocks, plan.usage ? toMessageUsage(prompt, answer) : null),
        stream: body.stream
          ? {
              frames: () => messageFrames(head, answer, blocks, plan.usage ? prompt : null),
              errorFrames: () => [
                { event: 'error', data: anthropicDialect.refuse(new Refusal('overloaded'), call.id).body },
              ],
            }
          : null,
      };
    },
  };
}

const FIRST_WITHOUT_SAMPLING = '2026-10-21';

/** Versions are dates, so they sort as text. */
function refuseSampling(body: MessagesBody, headers: IncomingHttpHeaders): void {
  const version = headers['anthropic-version'];
  if (typeof version !== 'string' || version < FIRST_WITHOUT_SAMPLING) return;
  for (const name of ['temperature', 'top_p', 'top_k'] as const) {
    if (body[name] === null || body[name] === undefined) continue;
    throw new Refusal('invalid-body', { path: [name], message: `Not supported by anthropic-version ${version}` });
  }
}

function toHead({ model, container, thinking }: MessagesBody, { prompt }: Ask, { toolCalls }: Answer): MessageHead {
  return {
    id: makeId('msg_'),
    model,
    toolUseIds: toolCalls.map(() => makeId('toolu_')),
    container: container ? { ...toContainer(container), expires_at: '2100-01-01T00:00:00Z' } : null,
    showsThinking: thinking?.display !== 'omitted',
    unknown: {
      message: unknownMember(prompt, 'x_sandbox'),
      block: unknownMember(prompt, 'x_block'),
      delta: unknownMember(prompt, 'x_delta'),
    },
  };
}

function toContainer(given: NonNullable<MessagesBody['container']>): object {
  if (typeof given === 'string') return { id: given, skills: null };
  return { id: given.id ?? 'container_sandbox', skills: given.skills ?? null };
}
