import { parentPort } from 'node:worker_threads';
import { countTokens } from './count-tokens.ts';

// A bad task is not caught: it ends the thread, and the thread's owner rejects the task.
parentPort?.on('message', (texts: readonly string[]) => parentPort?.postMessage(countTokens(texts)));
