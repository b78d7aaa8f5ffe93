import type { Failure } from '@llm-gateway/shared/contracts/failure';
import { classifyBroken, classifyBrokenOff, classifyResponse } from './classify-response.ts';

type ClassOf<T> = abstract new (...args: never[]) => T;

export interface ProviderWords {
  /** Its code, or its type where it has no codes. */
  code: string | null;
  message: string | null;
  type?: string | null | undefined;
  param?: string | null | undefined;
}

/** The error classes of an SDK, and how to read its errors. Both SDKs are built alike, but share no class. */
export interface SdkErrors<ApiError> {
  timeout: ClassOf<unknown>;
  connection: ClassOf<unknown>;
  api: ClassOf<ApiError>;
  /** What the provider itself said; null where it did not. */
  read: (error: ApiError) => ProviderWords;
}

/** What an error of a provider's SDK means for the job. */
export function classifySdkError<ApiError extends { status: number | undefined; headers: Headers | undefined }>(
  provider: string,
  error: unknown,
  sdk: SdkErrors<ApiError>,
): Failure {
  if (error instanceof sdk.timeout) {
    return { code: 'provider_timeout', detail: `${provider} did not answer in time.`, provider };
  }
  if (error instanceof sdk.connection) {
    return { code: 'provider_unreachable', detail: `${provider} could not be reached.`, provider };
  }
  if (!(error instanceof sdk.api)) return classifyBroken(provider, error);
  const { code, message, type, param } = sdk.read(error);
  if (error.status === undefined) {
    // An error event within a stream: the provider began to answer and gave up.
    return classifyBrokenOff({ provider, vendorCode: code, vendorMessage: message });
  }
  const { status, headers } = error;
  return classifyResponse({
    provider,
    status,
    headers,
    vendorCode: code,
    vendorMessage: message,
    vendorType: type,
    vendorParam: param,
  });
}
