import { z } from 'zod';
import { startSandbox } from './start-sandbox.ts';

const env = z
  .object({
    SANDBOX_HOST: z.string().default('127.0.0.1'),
    SANDBOX_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  })
  .parse(process.env);

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
