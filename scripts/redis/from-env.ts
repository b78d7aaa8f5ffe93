import { askServer, isSupported, tooOld } from './ask-server.ts';
import { redactUrl } from './redact-url.ts';
import type { RedisServer } from './redis-program.ts';

/** The server the operator named. If it will not do we say so: another one would hide where the data went. */
export async function fromEnv(url: string): Promise<RedisServer> {
  const shown = redactUrl(url);
  const { version } = await askServer(url, 5_000).catch((error: Error) => {
    throw new Error(`REDIS_URL (${shown}) cannot be used: ${error.message}`);
  });
  if (!isSupported(version)) throw new Error(`REDIS_URL (${shown}) cannot be used: ${tooOld(version)}`);
  return { url, how: `REDIS_URL ${shown}`, version, stop: async () => {} };
}
