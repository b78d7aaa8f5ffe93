import { join, relative } from 'node:path';
import type { Server } from '../servers/server-program.ts';
import type { AdminKey } from './admin-key.ts';
import type { StartSettings } from './settings.ts';

export interface Started {
  settings: StartSettings;
  url: string;
  redis: Pick<Server, 'how' | 'version'>;
  postgres: Pick<Server, 'how' | 'version'>;
  admin: AdminKey;
  warnings: string[];
  seconds: number;
  cwd: string;
}

type ProviderKey = keyof StartSettings['live'];

/** What the operator wants to know when everything runs. No key and no password is in it. */
export function summary({ settings, url, redis, postgres, admin, warnings, seconds, cwd }: Started): string {
  const short = (path: string) => {
    const fromHere = relative(cwd, path);
    return fromHere.startsWith('..') ? path : fromHere;
  };
  const keyFile = admin.file === undefined ? undefined : short(admin.file);
  const rows = [
    ['API', url],
    ['Docs', `${url}/docs`],
    ['Queues', `${url}/admin/queues  (admin key: ${keyFile ?? admin.where})`],
    ['Redis', `${redis.version}, ${redis.how}`],
    ['Postgres', `${postgres.version}, ${postgres.how}`],
    ['Providers', providers(settings)],
    ['Logs', settings.logTo === 'stdout' ? 'here' : join(short(settings.dataDir), 'logs', logFiles(settings))],
    ...warnings.map((warning) => ['Warning', warning]),
  ];
  return `
LLM Gateway is ready after ${seconds.toFixed(1)} s

${rows.map(([name = '', value]) => `  ${name.padEnd(11)}${value}`).join('\n')}

${firstCall(settings, url, keyFile)}

Ctrl-C stops everything.
`;
}

function providers(settings: StartSettings): string {
  const official = (['openai', 'anthropic'] as const).map((name) => `${name}: ${provider(settings, name)}`);
  return [...official, ...settings.named.map((name) => `${name}: live`)].join(', ');
}

const isServed = ({ live, sandbox }: StartSettings, name: ProviderKey): boolean => live[name] || sandbox !== 'off';

function provider(settings: StartSettings, name: ProviderKey): string {
  if (settings.live[name]) return 'live';
  return isServed(settings, name) ? 'sandbox' : `off (no ${name.toUpperCase()}_API_KEY)`;
}

const logFiles = ({ sandbox }: StartSettings): string =>
  sandbox === 'start' ? '{api,worker,sandbox}.log' : '{api,worker}.log';

function firstCall(settings: StartSettings, url: string, keyFile: string | undefined): string {
  const model = isServed(settings, 'openai')
    ? 'gpt-4o'
    : isServed(settings, 'anthropic')
      ? 'claude-sonnet-4-5'
      : settings.named[0] && `${settings.named[0]}/MODEL`;
  if (!model) {
    return `No provider is served, so every request is refused. Set OPENAI_API_KEY or ANTHROPIC_API_KEY and start again,
or leave SANDBOX=off out for made-up answers.`;
  }
  const key = keyFile === undefined ? '$ADMIN_API_KEY' : `$(cat ${shellWord(keyFile)})`;
  return `Try it:

  curl ${url}/v1/generate ${settings.keysRequired ? `-H "authorization: Bearer ${key}" ` : ''}\\
    -H 'content-type: application/json' \\
    -d '{"prompt": "Say hello", "model": "${model}", "user_id": "me"}'`;
}

const shellWord = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);
