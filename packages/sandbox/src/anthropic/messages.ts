import { composeAnswer } from '../answer/compose-answer.ts';
import { countPrompt } from '../answer/count-prompt.ts';
import type { Endpoint } from '../call/endpoint.ts';
import { makeId } from '../call/make-id.ts';
import { readBody } from '../call/read-body.ts';
import { Refusal } from '../call/refusal.ts';
import { anthropicDialect } from './anthropic-dialect.ts';
import { toMessage, toMessageUsage } from './message.ts';
import { messageFrames } from './message-frames.ts';
import { askOfMessages, type MessagesBody, messagesBody } from './messages-body.ts';

/** `POST /v1/messages` */
export const messages: Endpoint<MessagesBody> = {
  read: (body) => readBody(messagesBody, body),

  answer(body, plan, call) {
    const ask = askOfMessages(body);
    const answer = composeAnswer(ask, plan);
    const promptTokens = countPrompt(ask);
    const head = { id: makeId('msg_'), model: body.model, toolUseId: makeId('toolu_') };
    return {
      promptTokens,
      completionTokens: answer.tokens,
      whole: () => toMessage(head, answer, plan.usage ? toMessageUsage(promptTokens, answer.tokens) : null),
      stream: body.stream
        ? {
            frames: () => messageFrames(head, answer, plan.usage ? promptTokens : null),
            errorFrames: () => [
              { event: 'error', data: anthropicDialect.refuse(new Refusal('overloaded'), call.id).body },
            ],
          }
        : null,
    };
  },
};
