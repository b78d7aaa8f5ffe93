import { type ChildProcess, fork } from 'node:child_process';
import type { ProcessLog } from './process-log.ts';
import { createRestartPolicy } from './restart-policy.ts';

export interface ProcessPlan {
  name: string;
  script: string;
  env: NodeJS.ProcessEnv;
  stopDeadlineMs: number;
  /** Undefined: the process writes to our own stdout and stderr. */
  log: ProcessLog | undefined;
  say(line: string): void;
  /** Crashed too often: the gateway cannot go on without it. */
  onGivenUp(reason: string): void;
  onRestarted(): void;
  /** What a restart must repeat, such as the port the others were told. */
  envOnRestart?(url: string): NodeJS.ProcessEnv;
}

export interface ManagedProcess {
  name: string;
  script: string;
  /** The url the process said it listens on; rejects when it ended, or was silent for too long, before it was ready. */
  ready: Promise<string | undefined>;
  pid(): number | undefined;
  stop(): Promise<void>;
  killNow(): void;
}

interface ReadyMessage {
  ready: true;
  url?: string;
}

const readyDeadlineMs = 60_000;

/** Runs a process, starts it again when it crashes, and stops it within its deadline. */
export function manageProcess(plan: ProcessPlan): ManagedProcess {
  const policy = createRestartPolicy();
  let current: ChildProcess;
  let stopping = false;
  let restart: NodeJS.Timeout | undefined;

  const launch = (env: NodeJS.ProcessEnv) => {
    const run = startProcess(plan, env);
    current = run.child;
    return run;
  };
  const onCrash = (url: string | undefined, how: string) => {
    if (stopping) return;
    const delayMs = policy.afterCrash(Date.now());
    if (delayMs === undefined) return plan.onGivenUp(`${plan.name} keeps crashing (last: ${how})`);
    plan.say(`${plan.name} ended unexpectedly (${how}): starting it again in ${delayMs} ms`);
    restart = setTimeout(() => {
      const again = launch({ ...plan.env, ...(url ? plan.envOnRestart?.(url) : undefined) });
      plan.onRestarted();
      again.ready.catch(() => again.child.kill('SIGKILL'));
      again.ended.then((ending) => onCrash(url, ending));
    }, delayMs);
  };

  const first = launch(plan.env);
  first.ready.then((url) => first.ended.then((how) => onCrash(url, how))).catch(() => undefined); // told by `ready`
  return {
    name: plan.name,
    script: plan.script,
    ready: first.ready,
    pid: () => (isRunning(current) ? current.pid : undefined),
    async stop() {
      stopping = true;
      clearTimeout(restart);
      await stopChild(current, plan);
    },
    killNow() {
      stopping = true;
      clearTimeout(restart);
      current.kill('SIGKILL');
    },
  };
}

const isRunning = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

/** In a process group of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops things in order. */
function startProcess(plan: ProcessPlan, env: NodeJS.ProcessEnv) {
  const output = plan.log ? 'pipe' : 'inherit';
  const child = fork(plan.script, { env, detached: true, stdio: ['ignore', output, output, 'ipc'] });
  const captured = plan.log?.take(child.stdout, child.stderr);
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once('error', (error) => resolve(error.message));
  });
  const ready = new Promise<string | undefined>((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`${plan.name} was not ready in time`)), readyDeadlineMs);
    child.on('message', (message: ReadyMessage) => {
      if (message.ready) resolve(message.url);
    });
    ended.then((how) => {
      const said = captured?.stderrTail().map((line) => `\n  ${line}`) ?? [];
      reject(new Error(`${plan.name} ended before it was ready (${how})${said.join('')}`));
    });
    const clear = () => clearTimeout(deadline);
    child.once('message', clear).once('close', clear);
  });
  return { child, ready, ended };
}

async function stopChild(child: ChildProcess, { name, stopDeadlineMs, say }: ProcessPlan): Promise<void> {
  if (!isRunning(child)) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  const deadline = setTimeout(() => {
    say(`${name} did not stop within ${Math.round(stopDeadlineMs / 1000)} s: killing it`);
    child.kill('SIGKILL');
  }, stopDeadlineMs);
  child.kill('SIGTERM');
  await closed;
  clearTimeout(deadline);
}
