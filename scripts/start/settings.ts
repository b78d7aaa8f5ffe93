import { resolve } from 'node:path';
import { authEnv, defaultAuthMode } from '@llm-gateway/shared/config/auth';
import { drainEnv } from '@llm-gateway/shared/config/drain';
import { httpEnv } from '@llm-gateway/shared/config/http';
import { isLoopback } from '@llm-gateway/shared/config/is-loopback';
import { loadConfig } from '@llm-gateway/shared/config/load-config';
import { providerEnv } from '@llm-gateway/shared/config/providers';
import { routingEnv } from '@llm-gateway/shared/config/routing';
import { z } from 'zod';
import { readRoutingFacts } from './routing-file.ts';
import { startEnv } from './start-env.ts';

/** What `npm start` itself goes by; everything else in the environment belongs to the processes it starts. */
export interface StartSettings {
  dataDir: string;
  host: string;
  port: number;
  workers: number;
  drainMs: number;
  logTo: 'file' | 'stdout';
  adminKey: string | undefined;
  /** Whether an admin key is made where none is given: not for who means it in earnest. */
  makesAdminKey: boolean;
  keysRequired: boolean;
  sandbox: 'start' | 'off' | { url: string };
  /** The official providers that have a key, here or in the routing file. */
  live: { openai: boolean; anthropic: boolean };
  /** Servers that the routing file names. */
  named: readonly string[];
}

const { HOST, PORT } = httpEnv;
const { OPENAI_API_KEY, ANTHROPIC_API_KEY, SANDBOX_URL } = providerEnv;
const startConfig = z.object({
  ...startEnv,
  ...authEnv,
  ...drainEnv,
  ...routingEnv,
  HOST,
  PORT,
  OPENAI_API_KEY,
  ANTHROPIC_API_KEY,
  SANDBOX_URL,
});

/** Throws a ConfigError that names every bad variable. */
export function readSettings(env: NodeJS.ProcessEnv, root: string): StartSettings {
  const config = loadConfig(startConfig, env);
  const { providers } = readRoutingFacts(config.ROUTING_FILE);
  const live = {
    openai: config.OPENAI_API_KEY !== undefined || providers.includes('openai'),
    anthropic: config.ANTHROPIC_API_KEY !== undefined || providers.includes('anthropic'),
  };
  return {
    dataDir: resolve(root, config.DATA_DIR),
    host: config.HOST,
    port: config.PORT,
    workers: config.WORKERS,
    drainMs: config.DRAIN_MS,
    logTo: config.LOG_TO,
    adminKey: config.ADMIN_API_KEY,
    makesAdminKey: isLoopback(config.HOST) && config.NODE_ENV !== 'production',
    keysRequired: (config.AUTH_MODE ?? defaultAuthMode(config.HOST, config.NODE_ENV)) === 'keys',
    sandbox: sandboxOf(config, live),
    live,
    named: providers.filter((name) => !(name in live)),
  };
}

function sandboxOf(config: z.output<typeof startConfig>, live: StartSettings['live']): StartSettings['sandbox'] {
  if (config.SANDBOX_URL !== undefined) return { url: config.SANDBOX_URL };
  return config.SANDBOX === 'off' || (live.openai && live.anthropic) ? 'off' : 'start';
}
