import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { makeRequestId } from '@llm-gateway/shared/contracts/ids';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { Metrics } from '@llm-gateway/shared/observability/metrics';
import { type AdmissionDeps, admit } from '../admission/admit.ts';
import { digestOf } from '../admission/canonical-json.ts';
import type { GenerationRequest } from '../admission/generation-request.ts';
import type { Caller } from '../auth/caller.ts';
import { answerOf } from '../generation/answer-of.ts';
import type { GenerationEndpoint } from '../generation/generation-endpoint.ts';
import { namingFields } from '../generation/naming-fields.ts';
import { readAsked } from '../generation/read-asked.ts';
import { toGenerationRequest } from '../generation/to-generation-request.ts';
import { errorReply } from '../http/error-body.ts';
import { validateWithZod } from '../http/validate.ts';
import { withoutNulls } from '../http/without-nulls.ts';
import type { JobCommands } from '../jobs/job-commands.ts';
import type { JobReader } from '../jobs/job-reader.ts';
import { isUsable } from '../keys/api-key.ts';
import type { ApiKeys } from '../keys/api-keys.ts';
import { windowMs } from './batch.ts';
import type { LineRunner, SubmittedLine } from './line-runner.ts';

export interface LineRunnerDeps {
  endpoints: readonly GenerationEndpoint[];
  admission: AdmissionDeps;
  apiKeys: Pick<ApiKeys, 'known'>;
  jobs: JobReader;
  commands: Pick<JobCommands, 'cancel'>;
  metrics: Pick<Metrics, 'admissions'>;
}

// Behind everybody who waits.
const lastPriority = 10;
const path = '/v1/batches';

/** Runs lines of batches as jobs of this gateway. */
export function createLineRunner(deps: LineRunnerDeps): LineRunner {
  const { jobs, commands, metrics } = deps;

  return {
    async submit(line) {
      const endpoint = deps.endpoints.find((known) => known.path === line.endpoint);
      if (!endpoint)
        throw new GatewayError({ code: 'unknown_url', detail: `${line.endpoint} is not served in batches.` });
      const caller = await callerOf(line, deps);
      try {
        const request = await toRequest(line, caller, endpoint, jobs);
        const admitted = await namingFields(endpoint, line.body, () => admit(request, deps.admission));
        if (admitted.kind === 'cached') throw new Error('a line of a batch is a job, and an answer is none');
        metrics.admissions.inc({ outcome: admitted.kind });
        return { jobId: admitted.id };
      } catch (error) {
        metrics.admissions.inc({ outcome: error instanceof GatewayError ? error.failure.code : 'internal' });
        throw error;
      }
    },

    ended: (jobIds) => jobs.ended(jobIds),

    async result(tenantId, jobId) {
      const record = await jobs.find(tenantId, jobId);
      if (!record || !isFinal(record.state)) return undefined;
      const endpoint = deps.endpoints.find((known) => known.path === record.endpoint);
      if (!endpoint) throw new Error(`this version has no endpoint ${record.endpoint}`);
      const [requestId, finalState] = [record.request, record.state];
      try {
        answerOf(jobId, record);
        return { status: 200, body: endpoint.toResult(jobId, record), requestId, finalState };
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        const { status, body } = errorReply(endpoint.dialect, error.failure, { requestId, jobId });
        return { status, body, requestId, finalState };
      }
    },

    async cancel(tenantId, jobId) {
      const record = await jobs.find(tenantId, jobId);
      if (record) await commands.cancel(jobId, record.lane);
    },
  };
}

/** For whom a line is run: its batch's maker, with what the key may do now. Throws `forbidden` where that is nothing. */
async function callerOf({ tenantId, keyId, userId }: SubmittedLine, { apiKeys }: LineRunnerDeps): Promise<Caller> {
  if (keyId === undefined) return { tenantId, role: 'open', scopes: ['generate'], userId };
  const key = await apiKeys.known(keyId);
  if (!key || key.tenant !== tenantId || !isUsable(key, Date.now()) || !key.scopes.includes('generate')) {
    throw new GatewayError({ code: 'forbidden', detail: 'The API key that made the batch may not generate any more.' });
  }
  return {
    tenantId,
    role: 'key',
    scopes: key.scopes,
    keyId,
    userId,
    ...(key.user === undefined ? {} : { boundUserId: key.user }),
    ...(key.models === undefined ? {} : { models: key.models }),
  };
}

async function toRequest(
  line: SubmittedLine,
  caller: Caller,
  endpoint: GenerationEndpoint,
  jobs: JobReader,
): Promise<GenerationRequest> {
  const { batchId, number, customId } = line;
  const asked = await readAsked(endpoint, checkedBody(line.body, endpoint), caller, jobs);
  const asker = { caller, requestId: makeRequestId(), method: 'POST', header: () => undefined };
  const envelope = {
    path,
    asked: { batchId, number },
    queue: { priority: lastPriority, customId, onDisconnect: 'continue' as const, resultTtlMs: windowMs },
  };
  return {
    ...toGenerationRequest(asker, endpoint, asked, { respondAsync: true }, envelope),
    isBatch: true,
    // The same line is the same job, whichever process submits it, and how often.
    idempotency: { digest: digestOf({ batchId, number }), isStrict: false },
  };
}

function checkedBody(sent: object, { body: schema, path: url, dialect }: GenerationEndpoint): unknown {
  // As the endpoint's own route does; a vendor's body goes to its provider as it came.
  const body = dialect === 'native' ? withoutNulls(sent) : sent;
  const check = validateWithZod({ schema, method: 'POST', url, httpPart: 'body' });
  const checked = check(body) as { value: unknown } | { error: Error };
  if ('error' in checked) throw checked.error;
  return checked.value;
}
