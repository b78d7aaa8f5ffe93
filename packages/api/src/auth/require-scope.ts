import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { isKeyId } from '@llm-gateway/shared/contracts/ids';
import type { Scope } from '@llm-gateway/shared/contracts/policy';
import type { FastifyRequest } from 'fastify';
import { isCommand, isFromElsewhere } from '../http/from-elsewhere.ts';
import type { Caller } from './caller.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a caller must be allowed to; `any` admits every caller. Absent: `read` for GET, else `generate`. */
    scope?: Scope | 'any';
  }
}

/** Refuses a caller at a route that its key was not made for. Throws `forbidden`. */
export function requireScope({ caller, method, routeOptions }: FastifyRequest): void {
  const { scope = defaultScope(method) } = routeOptions.config;
  if (scope !== 'any' && !caller.scopes.includes(scope)) {
    throw forbidden(`This needs the scope "${scope}", which the API key does not have.`);
  }
}

const defaultScope = (method: string): Scope => (method === 'GET' || method === 'HEAD' ? 'read' : 'generate');

const forbidden = (detail: string) => new GatewayError({ code: 'forbidden', detail });

/** An `onRequest` hook of what shows or changes what is the whole tenant's. Throws `forbidden` for who is bound to one user. */
export async function requireWholeTenant({ caller }: FastifyRequest): Promise<void> {
  if (caller.boundUserId === undefined) return;
  throw forbidden('This concerns the whole tenant, and the API key is bound to one user.');
}

/**
 * Refuses a caller that is bound to one user and names another, or a key that names another key, which is the user of
 * requests that name none. Throws `forbidden`.
 */
export function requireOwnUser({ role, keyId, boundUserId }: Caller, userId: unknown, field: string): void {
  if (userId === undefined || userId === boundUserId) return;
  if (boundUserId !== undefined) {
    throw new GatewayError({ code: 'forbidden', field, detail: `${field}: the API key is bound to another user` });
  }
  if (role === 'key' && typeof userId === 'string' && isKeyId(userId) && userId !== keyId) {
    throw new GatewayError({ code: 'forbidden', field, detail: `${field}: this is the name of another API key` });
  }
}

/**
 * Refuses what a page of another site makes a browser do: where nobody needs a key, there is nothing that it would have to
 * steal first. Throws `forbidden`.
 */
export function refuseForeignPages(request: FastifyRequest): void {
  if (request.caller.role !== 'open' || !isCommand(request) || !isFromElsewhere(request)) return;
  throw forbidden('A page of another site may not do this without an API key.');
}
