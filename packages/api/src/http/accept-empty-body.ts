import type { FastifyInstance } from 'fastify';

/**
 * Lets the routes of a plugin be asked with a JSON content type and nothing in the body, as many clients do where there
 * is nothing to say.
 */
export function acceptEmptyBody(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) =>
    body === '' ? done(null, undefined) : parse(request, body, done),
  );
}
