import { type Failure, type FailureCode, GatewayError, failureRow } from '@llm-gateway/shared/contracts/failure';
import { events } from '@llm-gateway/shared/observability/logger';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { dialectOf } from './dialect.ts';
import { errorReply, retryHeaders } from './error-body.ts';
import { header } from './header.ts';

// Fastify's own errors, by its codes.
const fastifyCodes: Record<string, FailureCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
};

/** Makes every error of the server speak the dialect of its route, and logs what a client is not told. */
export function handleErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | GatewayError, request, reply) => {
    const failure = failureOf(error);
    if (failureRow(failure.code).status >= 500) {
      const cause = error instanceof GatewayError ? error.cause : error;
      request.log.error({ event: events.requestFailed, code: failure.code, err: cause }, failure.detail);
    } else if (failure.code !== 'rate_limited') {
      request.log.info({ event: events.requestFailed, code: failure.code }, failure.detail);
    }
    return sendFailure(request, reply, failure);
  });
  app.setNotFoundHandler((request, reply) => sendFailure(request, reply, unknownUrl(app, request, reply)));
}

/** Answers with a failure in the dialect of the request's path. */
export function sendFailure(request: FastifyRequest, reply: FastifyReply, failure: Failure): FastifyReply {
  const dialect = dialectOf(pathOf(request), header(request, 'anthropic-version'));
  const jobId = reply.getHeader('x-job-id');
  const { status, contentType, body } = errorReply(dialect, failure, {
    requestId: request.id,
    jobId: typeof jobId === 'string' ? jobId : undefined,
  });
  return reply.code(status).headers(retryHeaders(failure)).type(contentType).serializer(JSON.stringify).send(body);
}

const pathOf = (request: FastifyRequest) => request.url.split('?')[0] ?? '/';

function failureOf(error: FastifyError | GatewayError): Failure {
  if (error instanceof GatewayError) return error.failure;
  if (hasZodFastifySchemaValidationErrors(error)) return invalid(error.validation);
  const known = fastifyCodes[error.code];
  if (known !== undefined) return { code: known, detail: fastifyDetails[known] ?? error.message };
  // Fastify marks what the client did wrong (malformed JSON, an empty body, a bad content length) with a 4xx.
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return { code: 'malformed_request', detail: error.message };
  }
  if (error.statusCode === 503) return { code: 'draining', detail: 'This server is shutting down.', retryAfterMs: 1000 };
  return { code: 'internal', detail: 'Something went wrong on our side.' };
}

const fastifyDetails: Partial<Record<FailureCode, string>> = {
  too_large: 'The body is larger than this server accepts.',
  unsupported_media_type: 'The body must be JSON, with content-type: application/json.',
};

interface Issue {
  instancePath: string;
  message?: string;
}

function invalid(issues: readonly Issue[]): Failure {
  const errors = issues.map(({ instancePath, message = 'is not valid' }) => ({ pointer: instancePath, detail: message }));
  const first = errors[0];
  return {
    code: 'invalid_request',
    detail: errors.map(({ pointer, detail }) => `${pointer || '/'}: ${detail}`).join('; '),
    ...(first === undefined ? {} : { field: first.pointer }),
    errors,
  };
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

function unknownUrl(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): Failure {
  const url = pathOf(request);
  const allowed = methods.filter((method) => app.findRoute({ method, url }) !== null);
  if (allowed.length === 0) return { code: 'unknown_url', detail: `Unknown request URL: ${request.method} ${url}` };
  reply.header('allow', allowed.join(', '));
  return { code: 'method_not_allowed', detail: `${request.method} is not offered at ${url}; use ${allowed.join(' or ')}.` };
}
