import { composeAnswer } from '../answer/compose-answer.ts';
import { countPrompt } from '../answer/count-prompt.ts';
import type { Endpoint } from '../call/endpoint.ts';
import { makeId } from '../call/make-id.ts';
import { readBody } from '../call/read-body.ts';
import { askOfChat, type ChatBody, chatBody } from './chat-body.ts';
import { type ChatChoice, type ChatHead, toChatCompletion, toChatUsage } from './chat-completion.ts';
import { chatFrames } from './chat-frames.ts';
import { STREAM_ERROR } from './stream-error.ts';

/** `POST /v1/chat/completions` */
export const chatCompletions: Endpoint<ChatBody> = {
  read: (body) => readBody(chatBody, body),

  answer(body, plan) {
    const ask = askOfChat(body);
    const choices: ChatChoice[] = Array.from({ length: body.n ?? 1 }, (_, index) => ({
      answer: composeAnswer(ask, plan, index),
      toolCallId: makeId('call_'),
    }));
    const promptTokens = countPrompt(ask);
    const completionTokens = choices.reduce((sum, { answer }) => sum + answer.tokens, 0);
    const usage = plan.usage ? toChatUsage(promptTokens, completionTokens) : null;
    const head: ChatHead = {
      id: makeId('chatcmpl-'),
      created: Math.floor(Date.now() / 1_000),
      model: body.model,
      service_tier: 'default',
      system_fingerprint: 'sandbox',
    };
    return {
      promptTokens,
      completionTokens,
      whole: () => toChatCompletion(head, choices, usage),
      stream: body.stream
        ? {
            frames: () => chatFrames(head, choices, body.stream_options?.include_usage ? usage : null),
            errorFrames: () => [{ event: null, data: { error: STREAM_ERROR } }],
          }
        : null,
    };
  },
};
