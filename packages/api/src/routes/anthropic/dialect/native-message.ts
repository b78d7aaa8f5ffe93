import type { Json, Typed } from './frame.ts';
import type { Ending } from './teller.ts';

/** The event that opens the stream of a message which is there already. */
export const startOf = (body: Json, id: string): Typed => ({
  type: 'message_start',
  message: {
    ...body,
    id,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    ...('stop_details' in body ? { stop_details: null } : {}),
    usage: { input_tokens: 0, ...(body.usage as Json | null | undefined), output_tokens: 0 },
  },
});

const endingMembers = ['stop_reason', 'stop_sequence', 'stop_details', 'container'];

/** What its stream ends with. All of its usage: a stream's is a total. The SDK cannot do without one. */
export const endOf = (body: Json): Ending => ({
  delta: Object.fromEntries(endingMembers.filter((name) => name in body).map((name) => [name, body[name]])),
  usage: { output_tokens: 0, ...(body.usage as Json | null | undefined) },
});
