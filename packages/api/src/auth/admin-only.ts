import { type Failure, GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendFailure } from '../http/error-handler.ts';
import { isCommand, isFromElsewhere } from '../http/from-elsewhere.ts';
import { header } from '../http/header.ts';
import { isSession, sessionCookie } from './admin-session.ts';
import { type Authenticator, credentialOf } from './authenticate.ts';
import type { Caller } from './caller.ts';

export interface AdminOnlyOptions {
  authenticator: Authenticator;
  adminKey: string | undefined;
}

/**
 * A hook for pages and routes of the operator: the admin key in a header, or the cookie of a browser that logged in.
 * A browser without one is sent to the login page.
 */
export const adminOnly = (options: AdminOnlyOptions) => guard(options, () => false, 'This needs the admin key.');

/** A hook for the routes that a tenant's own administrator may use as well, within its tenant. */
export const administrators = (options: AdminOnlyOptions) =>
  guard(
    options,
    ({ role, scopes }) => role === 'key' && scopes.includes('admin'),
    'This needs the admin key, or an API key with the scope "admin".',
  );

function guard({ authenticator, adminKey }: AdminOnlyOptions, admits: (caller: Caller) => boolean, need: string) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const credential = credentialOf(request);
    if (authenticator.isAdminKey(credential) || (credential === undefined && isInSession(request, adminKey))) {
      request.caller = authenticator.operator;
      return;
    }
    const caller = credential === undefined ? nobody(adminKey) : await callerOf(request, authenticator);
    if (!('code' in caller) && admits(caller)) {
      request.caller = caller;
      return;
    }
    if (request.method === 'GET' && adminKey !== undefined && header(request, 'accept')?.includes('text/html')) {
      return reply.redirect(`/admin/login?next=${encodeURIComponent(request.url)}`);
    }
    // Sent rather than thrown: Bull Board's plugin turns every error of its room into a 500 of its own.
    return sendFailure(request, reply, 'code' in caller ? caller : { code: 'forbidden', detail: need });
  };
}

/**
 * Whether a browser that logged in asks. A page of another origin cannot read what it is answered, but browsers send the
 * cookie along with the commands of one that differs in its port alone.
 */
function isInSession(request: FastifyRequest, adminKey: string | undefined): boolean {
  if (adminKey === undefined || (isCommand(request) && isFromElsewhere(request))) return false;
  return isSession(adminKey, request.cookies[sessionCookie], Date.now());
}

/** Where requests need no key, whoever sends one is somebody; where they need one, an unknown key is nobody's. */
async function callerOf(request: FastifyRequest, authenticator: Authenticator): Promise<Caller | Failure> {
  try {
    // A key that was ended a moment ago, at another process, must not make itself another one.
    return await authenticator.caller(request, { isFresh: true });
  } catch (error) {
    if (error instanceof GatewayError) return error.failure;
    throw error;
  }
}

const nobody = (adminKey: string | undefined): Failure => ({
  code: 'unauthenticated',
  detail:
    adminKey === undefined
      ? 'This needs the admin key, and none is configured: set ADMIN_API_KEY.'
      : 'This needs the admin key: send Authorization: Bearer <key>.',
});
