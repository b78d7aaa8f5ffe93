import { join } from 'node:path';
import { sandboxEnvironment } from './environment.ts';
import { manageProcess, type ProcessPlan } from './managed-process.ts';
import { openProcessLog } from './process-log.ts';
import type { StartSettings } from './settings.ts';
import type { Supervisor } from './supervisor.ts';

interface LauncherOptions {
  root: string;
  settings: StartSettings;
  supervisor: Supervisor;
  say(line: string): void;
}

type PackageName = 'api' | 'worker' | 'sandbox';

/** Beyond what a process itself allows for its drain, before it is taken for hung. */
const graceMs = 5_000;

/** Starts the gateway's processes, each resolving once it has said that it is ready. */
export function createLauncher({ root, settings, supervisor, say }: LauncherOptions) {
  const show = (line: string) => console.error(line);
  const logOf = (name: PackageName) =>
    settings.logTo === 'file' ? openProcessLog(join(settings.dataDir, 'logs'), name, show) : undefined;

  function launch(stage: PackageName, plan: Pick<ProcessPlan, 'env' | 'log'> & Partial<ProcessPlan>) {
    const managed = manageProcess({
      name: stage,
      script: join(root, 'packages', stage, 'src/main.ts'),
      stopDeadlineMs: stage === 'sandbox' ? graceMs : settings.drainMs + graceMs,
      say,
      onRestarted: supervisor.record,
      onGivenUp: supervisor.giveUp,
      ...plan,
    });
    return supervisor.add(stage, managed).ready;
  }

  return {
    async sandbox(): Promise<string | undefined> {
      if (settings.sandbox !== 'start') return settings.sandbox === 'off' ? undefined : settings.sandbox.url;
      return launch('sandbox', {
        env: sandboxEnvironment(process.env, '0'),
        log: logOf('sandbox'),
        // The workers know it by the address of its first start.
        envOnRestart: (url) => ({ SANDBOX_PORT: new URL(url).port }),
      });
    },

    api: (env: NodeJS.ProcessEnv) =>
      launch('api', {
        env,
        log: logOf('api'),
        envOnRestart: (url) => ({ PORT: new URL(url).port }),
      }),

    workers(envOf: (index: number) => NodeJS.ProcessEnv) {
      const log = logOf('worker');
      const launchOne = (_: unknown, index: number) => {
        const name = settings.workers === 1 ? 'worker' : `worker ${index + 1}`;
        return launch('worker', { name, env: envOf(index), log });
      };
      return Promise.all(Array.from({ length: settings.workers }, launchOne));
    },
  };
}
