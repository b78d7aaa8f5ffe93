import { loadConfig } from '@llm-gateway/shared/config/load-config';
import { apiConfig } from './config.ts';
import { startApi } from './start-api.ts';

const api = await startApi(loadConfig(apiConfig, process.env));
process.send?.({ ready: true, url: api.url });

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await api.close();
  process.exit(0);
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
// The channel closes when the supervisor dies; an api without one would be left behind.
process.on('disconnect', stop);
