import type { Caller } from '../auth/caller.ts';
import type { JobReader } from '../jobs/job-reader.ts';
import type { AskedBody } from './asked-body.ts';
import type { GenerationEndpoint } from './generation-endpoint.ts';

/** A body that has passed its schema, as its endpoint reads it, with what it refers to looked up. */
export async function readAsked(
  endpoint: Pick<GenerationEndpoint, 'read' | 'prepare'>,
  body: unknown,
  caller: Caller,
  jobs: JobReader,
): Promise<AskedBody> {
  const asked = endpoint.read(body);
  return endpoint.prepare ? endpoint.prepare(asked, caller, jobs) : asked;
}
