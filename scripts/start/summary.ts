import { join, relative } from 'node:path';
import type { RedisServer } from '../redis/redis-program.ts';
import type { StartSettings } from './settings.ts';

export interface Started {
  settings: StartSettings;
  url: string;
  redis: Pick<RedisServer, 'how' | 'version'>;
  adminKeyWhere: string;
  seconds: number;
  cwd: string;
}

/** What the operator wants to know when everything runs. No key and no password is in it. */
export function summary({ settings, url, redis, adminKeyWhere, seconds, cwd }: Started): string {
  const short = (path: string) => {
    const fromHere = relative(cwd, path);
    return fromHere.startsWith('..') ? path : fromHere;
  };
  const where = adminKeyWhere.startsWith(settings.dataDir) ? short(adminKeyWhere) : adminKeyWhere;
  const logs = settings.logTo === 'stdout' ? 'here' : join(short(settings.dataDir), 'logs', '{api,worker,sandbox}.log');
  return `
LLM Gateway is ready after ${seconds.toFixed(1)} s

  API        ${url}
  Docs       ${url}/docs
  Queues     ${url}/admin/queues  (admin key: ${where})
  Redis      ${redis.version}, ${redis.how}
  Providers  openai: ${provider(settings, 'openai')}, anthropic: ${provider(settings, 'anthropic')}
  Logs       ${logs}

Try it:

  curl ${url}/v1/generate ${settings.keysRequired ? '-H "authorization: Bearer $API_KEY" ' : ''}\\
    -H 'content-type: application/json' \\
    -d '{"prompt": "Say hello", "model": "gpt-4o", "user_id": "me"}'

Ctrl-C stops everything.
`;
}

function provider({ live, sandbox }: StartSettings, name: keyof StartSettings['live']): string {
  if (live[name]) return 'live';
  return sandbox === 'off' ? `off (no ${name.toUpperCase()}_API_KEY)` : 'sandbox';
}
