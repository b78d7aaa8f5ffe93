import {
  type Failure,
  type FailureCode,
  failureRow,
  GatewayError,
  loggableDetail,
} from '@llm-gateway/shared/contracts/failure';
import { events } from '@llm-gateway/shared/observability/logger';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hideSecrets } from '../keys/key-secret.ts';
import { dialectOfRequest, pathOf } from './dialect.ts';
import { errorReply, retryHeaders } from './error-body.ts';
import { collectOfferedMethods } from './offered-methods.ts';
import { setRequestHeaders, setTimeHeaders } from './standard-headers.ts';

// Fastify's own errors, by its codes, in words that say what to do.
const fastifyFailures: Record<string, { code: FailureCode; detail: string }> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'too_large', detail: 'The body is larger than this server accepts.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'unsupported_media_type',
    detail: 'The body must be JSON, sent with content-type: application/json.',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    code: 'malformed_request',
    detail: 'The body is empty: send a JSON object, or leave out the content-type header.',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: {
    code: 'malformed_request',
    detail: 'The body is not valid JSON: check its quotes, commas and brackets, and that no member is named __proto__.',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'malformed_request',
    detail: 'The body is not as long as its content-length header says.',
  },
  FST_ERR_BAD_URL: { code: 'malformed_request', detail: 'The path is not a valid URL: check its %-escapes.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'malformed_request', detail: 'A part of the path is too long.' },
};

/** Makes every error of the server speak the dialect of its route, and logs what a client is not told. */
export function handleErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | GatewayError, request, reply) => {
    const failure = failureOf(error);
    if (failureRow(failure.code).status >= 500) {
      const cause = error instanceof GatewayError ? error.cause : error;
      request.log.error({ event: events.requestFailed, code: failure.code, err: cause }, loggableDetail(failure));
    } else if (failure.code !== 'rate_limited') {
      request.log.info({ event: events.requestFailed, code: failure.code }, hideSecrets(failure.detail));
    }
    return sendFailure(request, reply, failure);
  });
  const methodsAt = collectOfferedMethods(app);
  app.setNotFoundHandler((request, reply) => sendFailure(request, reply, unknownUrl(methodsAt, request, reply)));
}

/** Answers with a failure in the dialect of the request's path. */
export function sendFailure(request: FastifyRequest, reply: FastifyReply, failure: Failure): FastifyReply {
  const dialect = dialectOfRequest(request);
  const jobId = reply.getHeader('x-job-id');
  const { status, contentType, body } = errorReply(dialect, failure, {
    requestId: request.id,
    jobId: typeof jobId === 'string' ? jobId : undefined,
  });
  return reply.code(status).headers(retryHeaders(failure)).type(contentType).serializer(JSON.stringify).send(body);
}

/** For what fails before there is a route, and so before any hook has run: a path that is no URL. */
export function sendFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  setRequestHeaders(request, reply);
  setTimeHeaders(reply);
  sendFailure(request, reply, failureOf(error));
}

function failureOf(error: FastifyError | GatewayError): Failure {
  if (error instanceof GatewayError) return error.failure;
  const known = fastifyFailures[error.code];
  if (known !== undefined) return known;
  // Fastify marks what the client did wrong with a 4xx.
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return { code: 'malformed_request', detail: error.message };
  }
  return { code: 'internal', detail: 'Something went wrong on our side.' };
}

function unknownUrl(methodsAt: (path: string) => string[], request: FastifyRequest, reply: FastifyReply): Failure {
  const url = pathOf(request);
  const allowed = methodsAt(url);
  if (allowed.length === 0) {
    const detail = `Unknown request URL: ${request.method} ${url}`;
    return { code: 'unknown_url', detail: detail + baseUrlHint(url) };
  }
  reply.header('allow', allowed.join(', '));
  return {
    code: 'method_not_allowed',
    detail: `${request.method} is not offered at ${url}; use ${allowed.join(' or ')}.`,
  };
}

/** What is likely to be wrong with a base URL that leads elsewhere. */
function baseUrlHint(url: string): string {
  // Anthropic's clients put the version before every path, OpenAI's want it in the base URL.
  if (url.startsWith('/v1/v1/')) return '. The version is there twice: leave /v1 out of the base URL.';
  // As other gateways have it.
  const vendor = /^\/(openai|anthropic)\//.exec(url)?.[1];
  return vendor === undefined ? '' : `. The paths of all vendors begin with /v1: leave /${vendor} out of the base URL.`;
}
