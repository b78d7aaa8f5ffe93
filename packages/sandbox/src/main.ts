import { z } from 'zod';
import { sandboxEnv } from './sandbox-env.ts';
import { startSandbox } from './start-sandbox.ts';

const env = z.object(sandboxEnv).parse(process.env);

const sandbox = await startSandbox({ host: env.SANDBOX_HOST, port: env.SANDBOX_PORT });
console.log(JSON.stringify({ event: 'listening', url: sandbox.url }));
process.send?.({ ready: true, url: sandbox.url });

async function stop(): Promise<void> {
  await sandbox.close();
  process.exit(0);
}

process.once('SIGTERM', stop);
process.once('SIGINT', stop);
// The parent is gone, or lets go of us: a sandbox without it would stay for ever.
process.once('disconnect', stop);
