import formbody from '@fastify/formbody';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { makeSession, sessionCookie, sessionMs } from '../../auth/admin-session.ts';
import type { Authenticator } from '../../auth/authenticate.ts';

export interface LoginDeps {
  authenticator: Authenticator;
  adminKey: string | undefined;
}

const home = '/admin/queues';

// A path on this server and nothing else: `//host` and `/\host` would lead to another one.
const localPath = z.string().regex(/^\/(?![/\\])[\x21-\x7e]*$/);

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const page = (next: string, message: string) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>LLM Gateway: log in</title>
<style>body{font:16px/1.5 system-ui;display:grid;place-items:center;min-height:90vh;margin:0;background:#f6f7f9;color:#1b1f24}
form{background:#fff;padding:2rem;border-radius:8px;box-shadow:0 1px 6px #0002;width:20rem}h1{font-size:1.2rem;margin-top:0}
input,button{box-sizing:border-box;width:100%;padding:.6rem;font:inherit;margin-top:.5rem}button{background:#1b5cff;color:#fff;border:0;border-radius:4px}
p{color:#b3261e;min-height:1.5em;margin:.5rem 0 0}</style></head>
<body><form method="post" action="/admin/login"><h1>LLM Gateway</h1>
<label for="key">Admin key</label><input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="${escapeHtml(next)}"><button>Log in</button><p role="alert">${escapeHtml(message)}</p></form></body></html>`;

/** Turns the admin key into an httpOnly cookie, for the pages that a browser opens. */
export const loginRoutes: FastifyPluginAsyncZod<LoginDeps> = async (app, { authenticator, adminKey }) => {
  await app.register(formbody);
  const nextOf = (next: string | undefined) => (localPath.safeParse(next).success ? (next ?? home) : home);

  app.get(
    '/admin/login',
    { schema: { hide: true, querystring: z.object({ next: z.string().optional() }) } },
    async ({ query }, reply) => reply.type('text/html; charset=utf-8').send(page(nextOf(query.next), '')),
  );

  app.post(
    '/admin/login',
    { schema: { hide: true, body: z.object({ key: z.string().default(''), next: z.string().optional() }) } },
    async ({ body, protocol }, reply) => {
      if (adminKey === undefined)
        throw new GatewayError({ code: 'forbidden', detail: 'No admin key is configured: set ADMIN_API_KEY.' });
      const next = nextOf(body.next);
      if (!authenticator.isAdminKey(body.key.trim())) {
        return reply.code(401).type('text/html; charset=utf-8').send(page(next, 'This is not the admin key.'));
      }
      return reply
        .setCookie(sessionCookie, makeSession(adminKey, Date.now()), {
          httpOnly: true,
          sameSite: 'strict',
          secure: protocol === 'https',
          path: '/',
          maxAge: sessionMs / 1000,
        })
        .redirect(next, 303);
    },
  );

  app.post('/admin/logout', { schema: { hide: true } }, async (_request, reply) =>
    reply.clearCookie(sessionCookie, { path: '/' }).redirect('/admin/login', 303),
  );
};
