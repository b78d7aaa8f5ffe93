import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findRedis } from './redis/find-redis.ts';
import { adminKey } from './start/admin-key.ts';
import { claimDataDir } from './start/data-dir-claim.ts';
import { environments } from './start/environment.ts';
import { createLauncher } from './start/launcher.ts';
import { assertPortIsFree } from './start/port-check.ts';
import { readSettings, type StartSettings } from './start/settings.ts';
import { summary } from './start/summary.ts';
import { createSupervisor, type Supervisor } from './start/supervisor.ts';

const root = resolve(import.meta.dirname, '..');
const say = (line: string) => console.log(`[gateway] ${line}`);
// The terminal may close before we have stopped; that is no reason not to stop.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

async function start(settings: StartSettings, supervisor: Supervisor): Promise<void> {
  const launcher = createLauncher({ root, settings, supervisor, say });
  const [redis, sandboxUrl] = await Promise.all([findRedis(settings), launcher.sandbox()]);
  supervisor.stopsWith(redis);
  if (supervisor.isStopping()) return redis.stop();

  const admin = adminKey(settings);
  const env = environments({ base: process.env, settings, redisUrl: redis.url, sandboxUrl, adminKey: admin.key });
  const [url] = await Promise.all([launcher.api(env.api), launcher.workers(env.worker)]);
  console.log(
    summary({
      settings,
      url: url ?? `http://${settings.host}:${settings.port}`,
      redis,
      adminKeyWhere: admin.where,
      seconds: process.uptime(),
      cwd: root,
    }),
  );
}

async function main(): Promise<void> {
  const envFile = join(root, '.env');
  if (existsSync(envFile)) process.loadEnvFile(envFile); // never overrides what the environment says
  const settings = readSettings(process.env, root);
  const claim = await claimDataDir(settings.dataDir, say);
  const supervisor = createSupervisor(claim, say);
  try {
    await assertPortIsFree(settings.host, settings.port);
    await start(settings, supervisor);
  } catch (error) {
    if (!supervisor.isStopping()) console.error(`\n${(error as Error).message}\n`);
    await supervisor.stop(1);
  }
}

await main().catch((error: Error) => {
  console.error(`\n${error.message}\n`);
  process.exit(1);
});
