import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../observability/logger.ts';
import { type FollowOptions, followRouting } from './follow-routing.ts';
import type { Routing } from './routing.ts';

let folder: string;
let path: string;
let lines: Record<string, unknown>[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'routing-'));
  path = join(folder, 'routing.yaml');
  lines = [];
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

const log = () => createLogger({ service: 'test', level: 'info', to: (line) => lines.push(JSON.parse(line)) });
const logged = (event: string) => lines.filter((line) => line.event === event);

async function follow(options: Partial<FollowOptions> = {}) {
  const routing = await followRouting({ path, log: log(), intervalMs: 5, ...options });
  onTestFinished(() => routing.close());
  return routing;
}

const names = (routing: Routing) => [...routing.aliases.keys()];

test('without a file there are no names, and nothing is said', async () => {
  const routing = await follow({ path: undefined });
  expect(routing.current().aliases.size).toBe(0);
  expect(routing.state()).toBeUndefined();
});

test('a good change is taken up and told', async () => {
  writeFileSync(path, 'models: { a: gpt-4o }');
  const routing = await follow();
  expect(names(routing.current())).toEqual(['a']);
  const heard: string[][] = [];
  routing.onChange((version) => heard.push(names(version)));

  writeFileSync(path, 'models: { b: gpt-4o }');
  await waitFor(() => heard.length > 0 || undefined, { what: 'the change is told' });
  expect(heard).toEqual([['b']]);
  expect(routing.state()?.version).toBe(routing.current().version);
  expect(logged('routing_reloaded')).toEqual([expect.objectContaining({ version: routing.current().version })]);
});

test('a bad change is refused once, and a good one after it is taken up', async () => {
  writeFileSync(path, 'models: { a: gpt-4o }');
  const routing = await follow();
  const { version } = routing.current();
  writeFileSync(path, 'providers: { openai: { api_key: sk-secret, weight: 1 } }');
  const refused = await waitFor(() => routing.state()?.refused, { what: 'it is refused' });
  expect(refused.faults).toEqual(['providers.openai: unknown member weight']);
  expect(routing.current().version).toBe(version);
  // Some more looks at the same file.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(logged('routing_refused')).toHaveLength(1);
  expect(JSON.stringify(lines)).not.toContain('sk-secret');

  writeFileSync(path, 'models: { c: gpt-4o }');
  await waitFor(() => names(routing.current()).includes('c') || undefined, { what: 'it is taken up' });
  expect(routing.state()?.refused).toBeUndefined();
});

test('a file that is gone keeps the version before', async () => {
  writeFileSync(path, 'models: { a: gpt-4o }');
  const routing = await follow();
  rmSync(path);
  const refused = await waitFor(() => routing.state()?.refused, { what: 'it is refused' });
  expect(refused.faults).toEqual(['the file: cannot be read']);
  expect(names(routing.current())).toEqual(['a']);
});

test('a change is seen that keeps time and size, as that of a mounted config map, whose link is replaced', async () => {
  writeFileSync(join(folder, 'one'), 'models: { a: gpt-4o }');
  writeFileSync(join(folder, 'two'), 'models: { b: gpt-4o }');
  symlinkSync('one', path);
  const routing = await follow();
  symlinkSync('two', join(folder, 'link'));
  renameSync(join(folder, 'link'), path);
  await waitFor(() => names(routing.current()).includes('b') || undefined, { what: 'it is taken up' });
});

test('what this process cannot do is refused like what is wrong', async () => {
  writeFileSync(path, 'models: { a: gpt-4o }');
  const routing = await follow({ check: ({ aliases }) => (aliases.has('bad') ? ['lacks a key'] : []) });
  writeFileSync(path, 'models: { bad: gpt-4o }');
  const refused = await waitFor(() => routing.state()?.refused, { what: 'it is refused' });
  expect(refused.faults).toEqual(['lacks a key']);
});

test.for([
  ['models: { a: gpt-99 }', 'models.a.targets[0]: is no model'],
  [undefined, 'the file: cannot be read'],
] as const)('a process does not start with a bad file: %j', async ([text, fault]) => {
  if (text !== undefined) writeFileSync(path, text);
  await expect(follow()).rejects.toThrow(`Bad routing in ${path} (ROUTING_FILE):\n  ${fault}`);
});
