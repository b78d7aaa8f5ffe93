import { existsSync, readFileSync } from 'node:fs';
import { configurationGroups } from '../configuration-groups.ts';
import { readRoutingFacts } from './routing-file.ts';

/** Not ours, but at home in the same file: docker-compose.yml reads it too. */
const composeOnly = ['PUBLISH_ADDRESS', 'PUBLISH_PORT', 'POSTGRES_PASSWORD'];
const foreignPrefix = /^(?:NODE|COMPOSE|DOCKER)_/;

const assignment = /^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s*(.*)$/;
/** What does not look like a name is not repeated: it may be the tail of a secret that was broken in two. */
const presentable = /^[A-Z][A-Z0-9_]*$/;

/** Fills the environment from a file, which never overrides what the environment says; a missing file is none. */
export function loadEnvFile(file: string, say: (line: string) => void): void {
  if (!existsSync(file)) return;
  process.loadEnvFile(file);
  const { secrets } = readRoutingFacts(process.env.ROUTING_FILE);
  for (const fault of envFileFaults(readFileSync(file, 'utf8'), secrets)) say(`.env: ${fault}`);
}

/** The lines that have no effect, each told without its value. `referred` are names that the routing file refers to. */
export function envFileFaults(text: string, referred: readonly string[] = []): string[] {
  const ours = configurationGroups.flatMap(([, shape]) => Object.keys(shape));
  const known = new Set([...ours, ...composeOnly, ...referred]);
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const faults: string[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, name, value = ''] = assignment.exec(line) ?? [];
    if (name === undefined) {
      faults.push(`line ${index + 1} is not NAME=value`);
    } else if (!known.has(name) && !foreignPrefix.test(name)) {
      const shown = presentable.test(name) ? name : `the name in line ${index + 1}`;
      faults.push(`${shown} is not a variable of the gateway (see .env.example)`);
    }
    index += linesBelow(value, lines.slice(index + 1));
  }
  return faults;
}

/** How many further lines a value takes that was opened with a quote; a quote that nobody closes is a plain character. */
function linesBelow(value: string, rest: string[]): number {
  const quote = /^["'`]/.exec(value)?.[0];
  if (quote === undefined || value.indexOf(quote, 1) > 0) return 0;
  return rest.findIndex((line) => line.includes(quote)) + 1;
}
