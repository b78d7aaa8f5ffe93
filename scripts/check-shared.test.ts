import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkShared } from './check-shared.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'llm-gateway-check-shared-'));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function plant(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    const file = join(root, 'packages', name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

const bothReachQueue = {
  'api/src/main.ts': "import { open } from '@llm-gateway/shared/queue/open';",
  'worker/src/main.ts': "import './work.ts';",
  'worker/src/work.ts': "import type { Open } from '@llm-gateway/shared/queue/open';",
  'shared/src/queue/open.ts': "import { key } from '../redis/keys.ts';",
  'shared/src/redis/keys.ts': "export const key = 'k';",
};

test('folders that both processes reach, directly or not, by value or by type, are fine', () => {
  plant(bothReachQueue);
  expect(checkShared(root)).toEqual([]);
});

test('a folder that one process alone reaches is named', () => {
  plant({
    ...bothReachQueue,
    'worker/src/work.ts': `import { open } from '@llm-gateway/shared/queue/open';
      const late = await import('@llm-gateway/shared/retry/decide');`,
    'shared/src/retry/decide.ts': '',
  });
  expect(checkShared(root)).toEqual(['packages/shared/src/retry: only the worker reaches it: move it there']);
});

test('a folder that nobody reaches is named', () => {
  plant({ ...bothReachQueue, 'shared/src/old/thing.ts': '' });
  expect(checkShared(root)).toEqual(['packages/shared/src/old: no process reaches it: remove it']);
});

test('a missing entry is an error, not an empty graph', () => {
  plant({ 'api/src/main.ts': '', 'shared/src/a/b.ts': '' });
  expect(() => checkShared(root)).toThrow('packages/worker/src/main.ts is missing');
});
