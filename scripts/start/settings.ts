import { resolve } from 'node:path';

/** What `npm start` itself reads; everything else in the environment belongs to the processes it starts. */
export interface StartSettings {
  dataDir: string;
  host: string;
  port: number;
  workers: number;
  drainMs: number;
  logTo: 'file' | 'stdout';
  adminKey: string | undefined;
  keysRequired: boolean;
  sandbox: 'start' | 'off' | { url: string };
  /** The providers that have a key of their own. */
  live: { openai: boolean; anthropic: boolean };
}

export function readSettings(env: NodeJS.ProcessEnv, root: string): StartSettings {
  const live = { openai: Boolean(env.OPENAI_API_KEY), anthropic: Boolean(env.ANTHROPIC_API_KEY) };
  const host = env.HOST || '127.0.0.1';
  return {
    dataDir: resolve(root, env.DATA_DIR || '.data'),
    host,
    port: wholeNumber('PORT', env.PORT, 8000, 0, 65_535),
    workers: wholeNumber('WORKERS', env.WORKERS, 1, 1, 64),
    drainMs: wholeNumber('DRAIN_MS', env.DRAIN_MS, 30_000, 0, 3_600_000),
    logTo: oneOf('LOG_TO', env.LOG_TO, ['file', 'stdout']),
    adminKey: env.ADMIN_API_KEY || undefined,
    keysRequired: (env.AUTH_MODE || (isLoopback(host) ? 'open' : 'keys')) === 'keys',
    sandbox: sandboxMode(env, live),
    live,
  };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function sandboxMode(env: NodeJS.ProcessEnv, live: StartSettings['live']): StartSettings['sandbox'] {
  if (env.SANDBOX_URL) return { url: env.SANDBOX_URL };
  const wanted = oneOf('SANDBOX', env.SANDBOX, ['on', 'off']);
  return wanted === 'off' || (live.openai && live.anthropic) ? 'off' : 'start';
}

function wholeNumber(name: string, text: string | undefined, usual: number, min: number, max: number): number {
  if (!text) return usual;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`${name} must be a whole number from ${min} to ${max}, not "${text}"`);
}

/** The first choice is the default. */
function oneOf<const T extends string>(name: string, text: string | undefined, choices: readonly [T, ...T[]]): T {
  const chosen = choices.find((choice) => choice === (text || choices[0]));
  if (chosen) return chosen;
  throw new Error(`${name} must be ${choices.join(' or ')}, not "${text}"`);
}
