import { invalidField } from '../http/invalid-field.ts';

/** The body of a line. Throws `invalid_request` where it asks for a stream, which nobody would read. */
export function readLineBody(request: string): object {
  const body = JSON.parse(request) as { stream?: unknown };
  if (body.stream === true) throw invalidField('/stream', 'must not be true in a batch');
  return body;
}
