import { loadConfig } from '@llm-gateway/shared/config/load-config';
import { workerConfig } from './config.ts';
import { startWorker } from './start-worker.ts';

const config = loadConfig(workerConfig, process.env);
const worker = await startWorker(config);
process.send?.({ ready: true });

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await worker.close();
  process.exit(0);
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
// The channel closes when the supervisor dies; a worker without one would be left behind.
process.on('disconnect', stop);
