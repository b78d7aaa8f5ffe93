import { join, resolve } from 'node:path';
import { findPostgres } from './postgres/find-postgres.ts';
import { findRedis } from './redis/find-redis.ts';
import { adminKey } from './start/admin-key.ts';
import { claimDataDir } from './start/data-dir-claim.ts';
import { loadEnvFile } from './start/env-file.ts';
import { environments } from './start/environment.ts';
import { healthWarnings } from './start/health-warnings.ts';
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
  const keeper = { say, onGivenUp: supervisor.giveUp };
  const [redis, postgres, sandboxUrl] = await Promise.all([
    findRedis(settings, keeper).then(supervisor.stopsWith),
    findPostgres(settings, keeper).then(supervisor.stopsWith),
    launcher.sandbox(),
  ]);
  if (supervisor.isStopping()) return;

  const admin = adminKey(settings);
  const env = environments({
    base: process.env,
    settings,
    redisUrl: redis.url,
    databaseUrl: postgres.url,
    sandboxUrl,
    adminKey: admin.key,
  });
  const [listening] = await Promise.all([launcher.api(env.api), launcher.workers(env.worker)]);
  const url = listening ?? `http://${settings.host}:${settings.port}`;
  console.log(
    summary({
      settings,
      url,
      redis,
      postgres,
      admin,
      warnings: [...(postgres.warning ? [postgres.warning] : []), ...(await healthWarnings(url))],
      seconds: process.uptime(),
      cwd: root,
    }),
  );
}

async function main(): Promise<void> {
  loadEnvFile(join(root, '.env'), say);
  const settings = readSettings(process.env, root);
  const claim = await claimDataDir(settings.dataDir, say);
  const supervisor = createSupervisor({ claim, drainMs: settings.drainMs, say });
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
