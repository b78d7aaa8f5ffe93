import type { StreamManner } from '../../../delivery/stream-connections.ts';
import { eventText } from './frame.ts';

const errorOf = (type: string, message: string) =>
  eventText({ type: 'error', error: { type, message }, request_id: null });

/** What ends a stream whose message is not told to its end: the SDK takes silence for an end as well. */
export const lastWords: Pick<StreamManner, 'farewell' | 'lost'> = {
  farewell: errorOf('overloaded_error', 'This server is shutting down; the job that x-job-id names goes on.'),
  lost: errorOf(
    'api_error',
    'The stream cannot be told to its end; GET /v1/jobs/{id} tells of the job that x-job-id names.',
  ),
};
