import type { Failure } from '@llm-gateway/shared/contracts/failure';
import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { classifyBroken, classifyResponse } from '../classify-response.ts';

/** What an error of the OpenAI SDK means for the job. */
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
    vendorCode: error.code ?? error.type ?? null,
    vendorMessage: vendorMessage(error),
  });
}

const named = (error: APIError) => (error.code ? ` (${error.code})` : '');

function vendorMessage(error: APIError): string | null {
  const body: unknown = error.error;
  return typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string'
    ? body.message
    : null;
}
