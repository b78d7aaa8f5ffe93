import { composeAnswer } from '../answer/compose-answer.ts';
import { countPrompt } from '../answer/count-prompt.ts';
import { unknownMember } from '../answer/markers.ts';
import type { Endpoint } from '../call/endpoint.ts';
import { makeId } from '../call/make-id.ts';
import { readBody } from '../call/read-body.ts';
import { Refusal } from '../call/refusal.ts';
import { responseFrames } from './response-frames.ts';
import { type ResponseHead, type ResponseState, statusOf, toResponse, toResponseUsage } from './response-object.ts';
import { toOutput } from './response-output.ts';
import type { ResponseStore } from './response-store.ts';
import {
  askOfResponses,
  countedPartOf,
  type InputTokensBody,
  type ResponsesBody,
  responsesBody,
} from './responses-body.ts';
import { STREAM_ERROR } from './stream-error.ts';

/** `POST /v1/responses` */
export function createResponses(store: ResponseStore): Endpoint<ResponsesBody> {
  return {
    read: (body) => readBody(responsesBody, body),

    answer(body, plan) {
      const promptTokens = countInput(body, store);
      const ask = askOfResponses(body);
      const answer = composeAnswer(ask, plan);
      const status = statusOf(answer.finish);
      const items = toOutput(answer, body, { status, unknown: unknownMember(ask.prompt, 'x_item') });
      const head: ResponseHead = {
        id: makeId('resp_'),
        createdAt: Math.floor(Date.now() / 1_000),
        finish: answer.finish,
        unknown: unknownMember(ask.prompt, 'x_sandbox'),
      };
      const inState = (state: Partial<ResponseState> & Pick<ResponseState, 'status'>) =>
        toResponse(body, head, { output: [], usage: null, error: null, ...state });

      const begun = inState({ status: 'in_progress' });
      const ended = inState({
        status,
        output: items.map(({ whole }) => whole),
        usage: plan.usage ? toResponseUsage(promptTokens, answer) : null,
      });
      // What was thought is not read again.
      const tokens = promptTokens + answer.tokens - answer.reasoningTokens;
      if (body.store ?? true) store.keep(head.id, { response: ended, tokens });
      const { code, message } = STREAM_ERROR;
      return {
        promptTokens,
        completionTokens: answer.tokens,
        whole: () => ended,
        stream: body.stream
          ? {
              frames: () => responseFrames(items, { begun, ended, status }),
              errorFrames: (sent) => errorFrames(inState({ status: 'failed', error: { code, message } }), sent),
            }
          : null,
      };
    },
  };
}

/** The prompt, with what was said before: that is read again, and paid for again. */
export function countInput(body: InputTokensBody, store: ResponseStore): number {
  const own = countPrompt(countedPartOf(body));
  const id = body.previous_response_id;
  if (!id) return own;
  const previous = store.find(id);
  if (previous) return own + previous.tokens;
  throw new Refusal('no-previous-response', {
    path: ['previous_response_id'],
    message: `Previous response with id '${id}' not found.`,
  });
}

function errorFrames(failed: object, sent: number) {
  const { message, code, param } = STREAM_ERROR;
  return [
    { event: 'error', data: { type: 'error', code, message, param, sequence_number: sent } },
    { event: 'response.failed', data: { type: 'response.failed', response: failed, sequence_number: sent + 1 } },
  ];
}
