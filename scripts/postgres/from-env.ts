import { redactUrl } from '../servers/redact-url.ts';
import type { Server } from '../servers/server-program.ts';
import { askServer, isSupported, tooOld } from './ask-server.ts';

/** The database the operator named. If it will not do we say so: another one would hide where the ledger went. */
export async function fromEnv(url: string): Promise<Server> {
  // What is no Postgres URL is not shown: a password in it has no place we could know.
  if (!/^postgres(ql)?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new Error('DATABASE_URL cannot be used: it must be a URL that begins with postgres:// or postgresql://');
  }
  const shown = redactUrl(url);
  const unusable = (reason: string) =>
    new Error(
      `DATABASE_URL (${shown}) cannot be used: ${reason}. Mend it, or leave DATABASE_URL out for a private one.`,
    );
  const { version, loading } = await askServer(url, { timeoutMs: 5_000 }).catch((error: Error) => {
    throw unusable(error.message === 'ECONNREFUSED' ? 'nothing listens there (ECONNREFUSED)' : error.message);
  });
  if (loading) throw unusable('it is starting, or stopping');
  if (!isSupported(version)) throw unusable(tooOld(version));
  return { url, how: `DATABASE_URL ${shown}`, version, stop: async () => {} };
}
