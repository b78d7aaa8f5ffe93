import type { Failure } from '@llm-gateway/shared/contracts/failure';
import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { classifySdkError } from '../classify-sdk-error.ts';

/** What an error of the OpenAI SDK means for the job. */
export const classify = (provider: string, error: unknown): Failure =>
  classifySdkError<APIError>(provider, error, {
    timeout: APIConnectionTimeoutError,
    connection: APIConnectionError,
    api: APIError,
    read: (failed) => ({
      code: failed.code ?? failed.type ?? null,
      message: messageOf(failed.error),
      type: failed.type,
      param: failed.param,
    }),
  });

const messageOf = (body: unknown): string | null =>
  typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string'
    ? body.message
    : null;
