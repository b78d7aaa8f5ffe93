import type { FastifyRequest } from 'fastify';

export const REQUEST_ID_HEADER = 'x-client-request-id';

// Enough to tell the keys of a test apart.
const CREDENTIAL_CHARACTERS = 4;
const steering = ['anthropic-beta', 'anthropic-version', 'openai-organization', 'openai-project', 'openai-beta'];

export function firstHeader(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The headers whose values change what a vendor does, and hold no secret. */
export function steeringHeaders(request: FastifyRequest): Record<string, string> {
  return Object.fromEntries(
    steering.flatMap((name) => {
      const value = firstHeader(request, name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** The end of each credential that is not empty; no entry at all means that nobody said who they are. */
export function credentialsOf(request: FastifyRequest): Record<string, string> {
  const bearer = firstHeader(request, 'authorization')?.replace(/^Bearer\s*/i, '');
  const given = { authorization: bearer?.trim(), 'x-api-key': firstHeader(request, 'x-api-key')?.trim() };
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value ? [[name, value.slice(-CREDENTIAL_CHARACTERS)]] : [])),
  );
}
