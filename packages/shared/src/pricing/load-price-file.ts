import { readFileSync } from 'node:fs';
import { badPrices, type PriceFile, parsePriceFile } from './price-file.ts';

/**
 * The file of prices that is configured; undefined if none is. Read once, at start. Throws a ConfigError if it cannot
 * be read, is not JSON or breaks a rule.
 */
export function loadPriceFile(path: string | undefined): PriceFile | undefined {
  if (path === undefined) return undefined;
  return parsePriceFile(readJson(path), path);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const problem = error instanceof SyntaxError ? 'is not JSON' : 'cannot be read';
    throw badPrices(path, [`${problem}: ${error instanceof Error ? error.message : String(error)}`]);
  }
}
