import { redactUrl } from '../servers/redact-url.ts';
import type { Server } from '../servers/server-program.ts';
import { askServer, isSupported, tooOld } from './ask-server.ts';

/** The server the operator named. If it will not do we say so: another one would hide where the data went. */
export async function fromEnv(url: string): Promise<Server> {
  // What is no Redis URL is not shown: a password in it has no place we could know.
  if (!/^rediss?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new Error('REDIS_URL cannot be used: it must be a URL that begins with redis:// or rediss://');
  }
  const shown = redactUrl(url);
  const unusable = (reason: string) =>
    new Error(`REDIS_URL (${shown}) cannot be used: ${reason}. Mend it, or leave REDIS_URL out for a private one.`);
  const { version } = await askServer(url, 5_000).catch((error: Error) => {
    throw unusable(error.message === 'ECONNREFUSED' ? 'nothing listens there (ECONNREFUSED)' : error.message);
  });
  if (!isSupported(version)) throw unusable(tooOld(version));
  return { url, how: `REDIS_URL ${shown}`, version, stop: async () => {} };
}
