import type { Ask } from '../answer/ask.ts';
import { type Answer, composeAnswer } from '../answer/compose-answer.ts';
import { countPrompt } from '../answer/count-prompt.ts';
import { toLogprobs } from '../answer/logprobs.ts';
import { unknownMember } from '../answer/markers.ts';
import { splitIntoPieces } from '../answer/tokens.ts';
import type { Endpoint } from '../call/endpoint.ts';
import { makeId } from '../call/make-id.ts';
import { readBody } from '../call/read-body.ts';
import { askOfChat, type ChatBody, callsFunctions, chatBody } from './chat-body.ts';
import { type ChatChoice, type ChatHead, toChatCompletion, toChatUsage } from './chat-completion.ts';
import { chatFrames } from './chat-frames.ts';
import { servedTier } from './served-tier.ts';
import { STREAM_ERROR } from './stream-error.ts';

/** `POST /v1/chat/completions` */
export const chatCompletions: Endpoint<ChatBody> = {
  read: (body) => readBody(chatBody, body),

  answer(body, plan) {
    const ask = askOfChat(body);
    const choices = Array.from({ length: body.n ?? 1 }, (_, index) =>
      toChoice(body, ask, composeAnswer(ask, plan, index)),
    );
    const answers = choices.map(({ answer }) => answer);
    const promptTokens = countPrompt(ask);
    const completionTokens = answers.reduce((sum, { tokens }) => sum + tokens, 0);
    const usage = plan.usage ? toChatUsage(promptTokens, answers) : null;
    const head: ChatHead = {
      id: makeId('chatcmpl-'),
      created: Math.floor(Date.now() / 1_000),
      model: body.model,
      service_tier: servedTier(body.service_tier),
      system_fingerprint: 'sandbox',
      ...unknownMember(ask.prompt, 'x_sandbox'),
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

function toChoice(body: ChatBody, ask: Ask, answer: Answer): ChatChoice {
  return {
    answer,
    callsFunction: callsFunctions(body),
    toolCallIds: answer.toolCalls.map(() => makeId('call_')),
    logprobs: body.logprobs ? toLogprobs(splitIntoPieces(answer.text, 1), body.top_logprobs ?? 0) : null,
    unknown: unknownMember(ask.prompt, 'x_choice'),
  };
}
