import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { Caller } from '../../../auth/caller.ts';
import type { AskedBody } from '../../../generation/asked-body.ts';
import { invalidField } from '../../../http/invalid-field.ts';
import type { JobReader } from '../../../jobs/job-reader.ts';
import { responsesPath } from './responses-path.ts';
import { nativeOf } from './view-response.ts';

const field = '/previous_response_id';
const sendInput = 'send the conversation as input';

/**
 * A request that goes on with a response, with the provider's own id of that one in place of ours. Throws
 * `previous_response_not_found` for what is no response of the caller's, `invalid_request` for one that cannot be gone on with.
 */
export async function withPreviousResponse(asked: AskedBody, caller: Caller, jobs: JobReader): Promise<AskedBody> {
  const { native } = asked.generation;
  const name = native?.body.previous_response_id;
  if (!native || typeof name !== 'string') return asked;
  const record = await findResponse(name, caller, jobs);
  if (!isFinal(record.state)) throw invalidField(field, 'names a response that has not ended');
  const id = record.answer && !record.failure ? nativeOf(record.answer)?.id : undefined;
  if (typeof id !== 'string')
    throw invalidField(field, `names a response that its provider does not keep: ${sendInput}`);
  const target = record.answer?.target ?? record.target;
  const provider = resolveModel(asked.model)?.provider;
  // What nobody can ask at all is said by admission.
  if (provider !== undefined && provider !== resolveModel(target)?.provider) {
    throw invalidField(field, `names a response of another provider's: ${sendInput}`);
  }
  const generation = {
    ...asked.generation,
    contextTokens: record.answer?.usage.totalTokens ?? 0,
    ...(record.answer?.deployment === undefined ? {} : { deployment: record.answer.deployment }),
    native: {
      ...native,
      body: { ...native.body, previous_response_id: id },
      asked: { ...native.asked, previous_response_id: name },
    },
  };
  return { ...asked, generation };
}

/** So many tokens of a prompt are what was said before it, by the bill of that. */
export async function countPrevious(name: string | null | undefined, caller: Caller, jobs: JobReader): Promise<number> {
  if (name == null) return 0;
  const { answer } = await findResponse(name, caller, jobs);
  // What was thought is not read again.
  return answer ? answer.usage.totalTokens - (answer.usage.reasoningTokens ?? 0) : 0;
}

async function findResponse(name: string, caller: Caller, jobs: JobReader): Promise<JobRecord> {
  const found = await jobs.get(caller, name).catch((error: unknown) => {
    if (error instanceof GatewayError && ['not_found', 'result_expired'].includes(error.failure.code)) return undefined;
    throw error;
  });
  if (found?.record.endpoint === responsesPath) return found.record;
  throw new GatewayError({
    code: 'previous_response_not_found',
    field,
    detail: `Previous response with id '${name.slice(0, 64)}' not found.`,
  });
}
