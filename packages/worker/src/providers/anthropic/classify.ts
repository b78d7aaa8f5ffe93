import { APIConnectionError, APIConnectionTimeoutError, APIError } from '@anthropic-ai/sdk';
import type { Failure } from '@llm-gateway/shared/contracts/failure';
import { classifySdkError } from '../classify-sdk-error.ts';

/** What an error of the Anthropic SDK means for the job. */
export const classify = (provider: string, error: unknown): Failure =>
  classifySdkError<APIError>(provider, error, {
    timeout: APIConnectionTimeoutError,
    connection: APIConnectionError,
    api: APIError,
    read: (failed) => ({
      code: failed.errorCode ?? failed.type ?? null,
      message: failed.apiMessage ?? null,
      type: failed.type,
    }),
  });
