import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../config/load-config.ts';
import { loadPriceFile } from './load-price-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'price-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(text: string): string {
  const path = join(folder, 'prices.json');
  writeFileSync(path, text);
  return path;
}

test('the example is such a file', () => {
  const example = loadPriceFile(fileURLToPath(new URL('../../../../examples/prices.json', import.meta.url)));
  expect([...(example?.models.keys() ?? [])]).toEqual([
    'openai/gpt-4o',
    'openai/some-new-model',
    'anthropic/claude-some-day',
  ]);
  expect(example?.models.get('openai/some-new-model')?.maxOutputTokens).toBe(32_768);
  expect([...(example?.wildcards.keys() ?? [])]).toEqual(['sandbox']);
});

test('no file is none', () => {
  expect(loadPriceFile(undefined)).toBeUndefined();
});

describe('a bad one is refused by its name', () => {
  const refusal = (path: string, problem: string) => {
    expect(() => loadPriceFile(path)).toThrow(ConfigError);
    expect(() => loadPriceFile(path)).toThrow(`Bad prices in ${path} (PRICES_FILE):\n  ${problem}`);
  };

  test('where it is not there', () => refusal(join(folder, 'none.json'), 'cannot be read: ENOENT'));
  test('where it is a folder', () => refusal(folder, 'cannot be read: EISDIR'));
  test('where it is not JSON', () => refusal(write('{"models": {'), 'is not JSON: '));
  test('where a price is bad', () =>
    refusal(write('{"models":{"gpt-4o":{"input_per_1m_usd":1}}}'), 'gpt-4o: output_per_1m_usd is missing'));
});
