import type { Failure } from '@llm-gateway/shared/contracts/failure';
import type { StreamManner } from '../../../delivery/stream-connections.ts';
import type { ResponseEvent } from './item-writer.ts';
import { done } from './sse-writer.ts';
import { tellFailure } from './view-response.ts';

/**
 * Clients of all versions take it for an error: the older ones read the members of the event, the newer ones those of
 * its `error`.
 */
export function errorEvent(failure: Failure, requestId: string): ResponseEvent {
  const { message, type, param, code } = tellFailure(failure, requestId);
  return { type: 'error', code: code ?? type, message, param, error: { message, type, param, code } };
}

/** Of a connection that ends before the response does: its stream's numbers are not known here. */
const lastWords = (failure: Failure) => `event: error\ndata: ${JSON.stringify(errorEvent(failure, ''))}\n\n${done}`;

export const responsesManner: StreamManner = {
  opening: '',
  tellsPlace: false,
  farewell: lastWords({
    code: 'draining',
    detail: 'The server is shutting down. The response goes on: get it by its id, with starting_after for the rest.',
  }),
  lost: lastWords({ code: 'result_expired', detail: 'The response is no longer kept.' }),
};
