import { composeAnswer } from '../answer/compose-answer.ts';
import { unknownMember } from '../answer/markers.ts';
import type { Endpoint } from '../call/endpoint.ts';
import { makeId } from '../call/make-id.ts';
import { readBody } from '../call/read-body.ts';
import { toChatUsage } from './chat-completion.ts';
import { type CompletionHead, completionFrames, type TextChoice, toCompletion } from './completion.ts';
import { askOfCompletion, type CompletionsBody, completionsBody, promptsOf } from './completions-body.ts';
import { STREAM_ERROR } from './stream-error.ts';

/** `POST /v1/completions`: text in, text out, as it was before chats. */
export const completions: Endpoint<CompletionsBody> = {
  read: (body) => readBody(completionsBody, body),

  answer(body, plan) {
    const prompts = promptsOf(body);
    const choices: TextChoice[] = prompts.flatMap(({ text }) =>
      Array.from({ length: body.n ?? 1 }, (_, index) => ({
        answer: composeAnswer(askOfCompletion(body, text), plan, index),
        echoed: body.echo ? text : '',
        logprobs: body.logprobs ?? null,
      })),
    );
    const promptTokens = prompts.reduce((sum, { tokens }) => sum + tokens, 0);
    const answers = choices.map(({ answer }) => answer);
    const usage = plan.usage ? toChatUsage(promptTokens, answers) : null;
    const head: CompletionHead = {
      id: makeId('cmpl-'),
      object: 'text_completion',
      created: Math.floor(Date.now() / 1_000),
      model: body.model,
      system_fingerprint: 'sandbox',
      ...unknownMember({ texts: prompts.map(({ text }) => text) }, 'x_sandbox'),
    };
    return {
      promptTokens,
      completionTokens: answers.reduce((sum, { tokens }) => sum + tokens, 0),
      whole: () => toCompletion(head, choices, usage),
      stream: body.stream
        ? {
            frames: () => completionFrames(head, choices, body.stream_options?.include_usage ? usage : null),
            errorFrames: () => [{ event: null, data: { error: STREAM_ERROR } }],
          }
        : null,
    };
  },
};
