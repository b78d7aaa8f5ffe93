import type { Failure } from '@llm-gateway/shared/contracts/failure';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendFailure } from '../http/error-handler.ts';
import { header } from '../http/header.ts';
import { isSession, sessionCookie } from './admin-session.ts';
import { type Authenticator, credentialOf } from './authenticate.ts';

export interface AdminOnlyOptions {
  authenticator: Authenticator;
  adminKey: string | undefined;
}

/**
 * A hook for pages and routes of the operator: the admin key in a header, or the cookie of a browser that logged in.
 * A browser without one is sent to the login page.
 */
export function adminOnly({ authenticator, adminKey }: AdminOnlyOptions) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const credential = credentialOf(request);
    const inSession = adminKey !== undefined && isSession(adminKey, request.cookies[sessionCookie], Date.now());
    if (inSession || authenticator.isAdminKey(credential)) {
      request.caller = authenticator.operator;
      return;
    }
    if (request.method === 'GET' && adminKey !== undefined && header(request, 'accept')?.includes('text/html')) {
      return reply.redirect(`/admin/login?next=${encodeURIComponent(request.url)}`);
    }
    // Sent rather than thrown: Bull Board's plugin turns every error of its room into a 500 of its own.
    return sendFailure(request, reply, refusal(credential, authenticator, adminKey));
  };
}

function refusal(credential: string | undefined, authenticator: Authenticator, adminKey: string | undefined): Failure {
  // Where requests need no key, whoever sends one is somebody; where they need one, an unknown key is nobody's.
  if (credential !== undefined) {
    return authenticator.mode === 'open'
      ? { code: 'forbidden', detail: 'This needs the admin key.' }
      : { code: 'unauthenticated', detail: 'The API key is not known.' };
  }
  const detail =
    adminKey === undefined
      ? 'This needs the admin key, and none is configured: set ADMIN_API_KEY.'
      : 'This needs the admin key: send Authorization: Bearer <key>.';
  return { code: 'unauthenticated', detail };
}
