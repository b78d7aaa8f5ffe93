import { loadConfig } from '@llm-gateway/shared/config/load-config';
import { runProcess } from '@llm-gateway/shared/process/run-process';
import { workerConfig } from './config.ts';
import { startWorker } from './start-worker.ts';

await runProcess(async () => startWorker(loadConfig(workerConfig, process.env), process.env));
