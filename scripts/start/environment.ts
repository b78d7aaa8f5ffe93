import { readRoutingFacts } from './routing-file.ts';
import type { StartSettings } from './settings.ts';

interface Wiring {
  base: NodeJS.ProcessEnv;
  settings: StartSettings;
  redisUrl: string;
  databaseUrl: string;
  sandboxUrl: string | undefined;
  adminKey: string | undefined;
}

/** Each process gets the secrets it needs and no other: the api no provider key, the worker no admin key. */
export function environments({ base, settings, redisUrl, databaseUrl, sandboxUrl, adminKey }: Wiring) {
  const { OPENAI_API_KEY, ANTHROPIC_API_KEY, ADMIN_API_KEY, ...open } = base;
  const [plain, secrets] = split(open, readRoutingFacts(base.ROUTING_FILE).secrets);
  const common = {
    ...plain,
    REDIS_URL: redisUrl,
    DATABASE_URL: databaseUrl,
    ...(sandboxUrl ? { SANDBOX_URL: sandboxUrl } : {}),
  };
  return {
    api: {
      ...common,
      HOST: settings.host,
      PORT: String(settings.port),
      ...(adminKey ? { ADMIN_API_KEY: adminKey } : {}),
    },
    worker: (index: number): NodeJS.ProcessEnv => ({
      ...common,
      ...(OPENAI_API_KEY ? { OPENAI_API_KEY } : {}),
      ...(ANTHROPIC_API_KEY ? { ANTHROPIC_API_KEY } : {}),
      ...secrets,
      // Several workers on one machine cannot share one port.
      ...(base.WORKER_PORT ? { WORKER_PORT: String(Number(base.WORKER_PORT) + index) } : {}),
    }),
  };
}

/** An environment without the variables of these names, and these variables. */
function split(environment: NodeJS.ProcessEnv, names: readonly string[]): [NodeJS.ProcessEnv, NodeJS.ProcessEnv] {
  const entries = Object.entries(environment);
  const isNamed = ([name]: [string, unknown]) => names.includes(name);
  return [Object.fromEntries(entries.filter((entry) => !isNamed(entry))), Object.fromEntries(entries.filter(isNamed))];
}

export function sandboxEnvironment(base: NodeJS.ProcessEnv, port: string): NodeJS.ProcessEnv {
  const { OPENAI_API_KEY: _openai, ANTHROPIC_API_KEY: _anthropic, ADMIN_API_KEY: _admin, ...rest } = base;
  const { REDIS_URL: _redis, DATABASE_URL: _database, ...open } = rest;
  const [plain] = split(open, readRoutingFacts(base.ROUTING_FILE).secrets);
  return { ...plain, SANDBOX_HOST: '127.0.0.1', SANDBOX_PORT: port };
}
