import { composeAnswer } from '../answer/compose-answer.ts';
import { countPrompt } from '../answer/count-prompt.ts';
import type { Endpoint } from '../call/endpoint.ts';
import { makeId } from '../call/make-id.ts';
import { readBody } from '../call/read-body.ts';
import { Refusal } from '../call/refusal.ts';
import { responseFrames } from './response-frames.ts';
import { type ResponseState, statusOf, toOutputItem, toResponse, toResponseUsage } from './response-object.ts';
import type { ResponseStore } from './response-store.ts';
import { askOfResponses, type ResponsesBody, responsesBody } from './responses-body.ts';
import { STREAM_ERROR } from './stream-error.ts';

/** `POST /v1/responses` */
export function createResponses(store: ResponseStore): Endpoint<ResponsesBody> {
  return {
    read: (body) => readBody(responsesBody, body),

    answer(body, plan) {
      const ask = askOfResponses(body);
      const answer = composeAnswer(ask, plan);
      const promptTokens = countPrompt(ask) + tokensOfPrevious(body, store);
      const ids = {
        id: makeId('resp_'),
        itemId: makeId(answer.toolCall ? 'fc_' : 'msg_'),
        toolCallId: makeId('call_'),
      };
      const createdAt = Math.floor(Date.now() / 1_000);
      const inState = (state: Partial<ResponseState> & Pick<ResponseState, 'status'>) =>
        toResponse(body, ids, createdAt, { output: [], usage: null, error: null, ...state }, answer.finish);

      const begun = inState({ status: 'in_progress' });
      const ended = inState({
        status: statusOf(answer.finish),
        output: [toOutputItem(answer, ids)],
        usage: plan.usage ? toResponseUsage(promptTokens, answer.tokens) : null,
      });
      if (body.store ?? true) store.keep(ids.id, { response: ended, tokens: promptTokens + answer.tokens });
      return {
        promptTokens,
        completionTokens: answer.tokens,
        whole: () => ended,
        stream: body.stream
          ? {
              frames: () => responseFrames(answer, ids, { begun, ended }),
              errorFrames: (sent) => errorFrames(inState({ status: 'failed', error: STREAM_ERROR }), sent),
            }
          : null,
      };
    },
  };
}

/** What was said before is read again, and paid for again. */
function tokensOfPrevious({ previous_response_id: id }: ResponsesBody, store: ResponseStore): number {
  if (!id) return 0;
  const previous = store.find(id);
  if (previous) return previous.tokens;
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
