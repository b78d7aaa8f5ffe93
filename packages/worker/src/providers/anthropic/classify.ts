import { APIConnectionError, APIConnectionTimeoutError, APIError } from '@anthropic-ai/sdk';
import type { Failure } from '@llm-gateway/shared/contracts/failure';
import { classifyBroken, classifyResponse } from '../classify-response.ts';

/** What an error of the Anthropic SDK means for the job. */
export function classify(provider: string, error: unknown): Failure {
  if (error instanceof APIConnectionTimeoutError) {
    return { code: 'provider_timeout', detail: `${provider} did not answer in time.`, provider };
  }
  if (error instanceof APIConnectionError) {
    return { code: 'provider_unreachable', detail: `${provider} could not be reached.`, provider };
  }
  if (!(error instanceof APIError)) return classifyBroken(provider, error);
  if (error.status === undefined) {
    // An error event within a stream: the provider began to answer and gave up.
    return { code: 'provider_busy', detail: `${provider} broke off its answer${named(error)}.`, provider };
  }
  return classifyResponse({
    provider,
    status: error.status,
    headers: error.headers,
    vendorCode: error.errorCode ?? error.type ?? null,
    vendorMessage: error.apiMessage ?? null,
  });
}

const named = (error: APIError) => (error.type ? ` (${error.type})` : '');
