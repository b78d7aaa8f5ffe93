import { type Failure, type FailureCode, GatewayError } from '@llm-gateway/shared/contracts/failure';

/** An error response of a provider, as both SDKs report it. */
export interface ErrorResponse {
  provider: string;
  status: number;
  headers: Headers | undefined;
  /** The provider's own code or type, such as `insufficient_quota`. */
  vendorCode: string | null;
  vendorMessage: string | null;
  vendorType?: string | null | undefined;
  /** The member that it is about. */
  vendorParam?: string | null | undefined;
}

// These say that the account is out of money, not that it is busy: waiting does not help.
const quotaCodes = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'enforced_spend_limit_reached',
  'billing_error',
]);

const detailMax = 400;

/** A failure as clients may see it: without the credential, should a provider have quoted it, and of bounded length. */
export const presentable = (failure: Failure, secret: string): Failure => ({
  ...failure,
  detail: failure.detail.replaceAll(secret, '[credential]').slice(0, detailMax),
});

function codeOf({ status, vendorCode }: ErrorResponse): FailureCode {
  if (status === 402 || (vendorCode !== null && quotaCodes.has(vendorCode))) return 'provider_quota_spent';
  if (status === 429) return 'provider_rate_limited';
  if (status === 401 || status === 403) return 'provider_misconfigured';
  if (status === 408 || status === 409 || status >= 500) return 'provider_busy';
  return 'provider_refused';
}

const decimal = /^\d+(\.\d+)?$/;

/** `retry-after-ms`, else `retry-after` in seconds or as a date (RFC 9110, 10.2.3). Undefined for nonsense. */
export function retryAfterMs(headers: Headers | undefined, nowMs: number): number | undefined {
  const milliseconds = headers?.get('retry-after-ms');
  if (milliseconds && decimal.test(milliseconds)) return wholePause(Number(milliseconds));
  const text = headers?.get('retry-after');
  if (!text) return undefined;
  return wholePause(decimal.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs);
}

/** A pause that a failure can carry; undefined for one that is over, or beyond what a number holds exactly. */
const wholePause = (ms: number) => (ms >= 0 && Number.isSafeInteger(Math.ceil(ms)) ? Math.ceil(ms) : undefined);

/**
 * The failure behind an error response. Only a refusal passes on the provider's words, because the client can act
 * on them; a rejected credential's message often quotes the credential.
 */
export function classifyResponse(response: ErrorResponse, nowMs = Date.now()): Failure {
  const code = codeOf(response);
  const pauseMs = retryAfterMs(response.headers, nowMs);
  const said = code === 'provider_refused' && response.vendorMessage ? `: ${response.vendorMessage}` : '.';
  const named = response.vendorCode ? ` (${response.vendorCode})` : '';
  return {
    code,
    detail: `${response.provider} answered ${response.status}${named}${said}`,
    provider: response.provider,
    ...(pauseMs === undefined ? {} : { retryAfterMs: pauseMs }),
    ...(code === 'provider_refused' ? { refusal: refusalOf(response) } : {}),
  };
}

const refusalOf = ({
  status,
  vendorType,
  vendorCode,
  vendorParam,
}: ErrorResponse): NonNullable<Failure['refusal']> => ({
  status,
  ...(vendorType ? { type: vendorType } : {}),
  ...(vendorCode && vendorCode !== vendorType ? { code: vendorCode } : {}),
  ...(vendorParam ? { param: vendorParam } : {}),
});

/** Codes that blame the request. Any other one blames the provider, or the moment. */
const isBlamed = (code: string) =>
  /^(invalid_|image_|unsupported_|empty_|failed_to_download_|context_length_)|_policy/.test(code);

/** The failure behind an error that came in mid-answer, after a response that said 200. */
export function classifyBrokenOff(said: Pick<ErrorResponse, 'provider' | 'vendorCode' | 'vendorMessage'>): Failure {
  const { provider, vendorCode: code, vendorMessage } = said;
  const named = code === null ? '' : ` (${code})`;
  if (code !== null && isBlamed(code)) {
    const why = vendorMessage === null ? '.' : `: ${vendorMessage}`;
    const detail = `${provider} broke off its answer${named}${why}`;
    return { code: 'provider_refused', detail, provider, refusal: { status: 400, code } };
  }
  return { code: brokenOffCode(code), detail: `${provider} broke off its answer${named}.`, provider };
}

function brokenOffCode(code: string | null): FailureCode {
  if (code !== null && quotaCodes.has(code)) return 'provider_quota_spent';
  return code === 'rate_limit_exceeded' || code === 'rate_limit_error' ? 'provider_rate_limited' : 'provider_busy';
}

/** Errors that carry no response: the connection, the stream, or our own code. */
export function classifyBroken(provider: string, error: unknown): Failure {
  if (error instanceof GatewayError) return error.failure;
  if (error instanceof SyntaxError) {
    return { code: 'provider_bad_answer', detail: `${provider} sent malformed JSON.`, provider };
  }
  // undici reports a connection that breaks in mid-body as a TypeError with the socket's error as its cause.
  if (error instanceof TypeError && error.cause !== undefined) {
    return { code: 'provider_unreachable', detail: `The connection to ${provider} broke in mid-answer.`, provider };
  }
  return { code: 'internal', detail: 'The gateway failed to make the call.', provider };
}
