import { loadConfig } from '@llm-gateway/shared/config/load-config';
import { runProcess } from '@llm-gateway/shared/process/run-process';
import { apiConfig } from './config.ts';
import { startApi } from './start-api.ts';

await runProcess(async () => startApi(loadConfig(apiConfig, process.env)));
