import { createHash } from 'node:crypto';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { checkAliases } from './check-aliases.ts';
import type { Deployment, RoutedProvider, Routing } from './routing.ts';
import { type ProviderEntry, routingFile } from './routing-schema.ts';

/** A file that can be used, or what is wrong with it: paths and rules, never values, which may be secrets. */
export type ParsedRouting = { routing: Routing } | { faults: string[] };

const bytesMax = 1_048_576;
const yamlAliasesMax = 100;

/** Reads a routing file's text, which is YAML or, as a part of that, JSON. An empty file is one without entries. */
export function parseRouting(text: string): ParsedRouting {
  if (Buffer.byteLength(text) > bytesMax) return { faults: [`the file: must have at most ${bytesMax} bytes`] };
  const read = readYaml(text);
  if ('faults' in read) return read;
  const parsed = routingFile.safeParse(read.content ?? {}, { error: ruleOf });
  if (!parsed.success) return { faults: parsed.error.issues.flatMap(linesOf) };

  const entries = Object.entries(parsed.data.providers ?? {});
  const faults = entries.flatMap(([name, entry]) => checkProvider(name, entry));
  const routing: Routing = {
    version: createHash('sha256').update(text).digest('hex').slice(0, 12),
    providers: new Map(entries.map(([name, entry]) => [name, toProvider(name, entry)])),
    aliases: new Map(Object.entries(parsed.data.models ?? {})),
  };
  faults.push(...checkAliases(routing));
  return faults.length > 0 ? { faults } : { routing };
}

function readYaml(text: string): { content: unknown } | { faults: string[] } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [error] = [...document.errors, ...document.warnings];
  if (error) {
    const { line } = lineCounter.linePos(error.pos[0]);
    // The parser's own words quote the file.
    const hint = text.split('\n')[line - 1]?.includes('${') ? '; a reference needs quotes within { } and [ ]' : '';
    const what = error.code === 'DUPLICATE_KEY' ? 'has a name that is there already' : `is no YAML (${error.code})`;
    return { faults: [`line ${line}: ${what}${hint}`] };
  }
  try {
    return { content: document.toJS({ maxAliasCount: yamlAliasesMax }) };
  } catch {
    return { faults: ['the file: refers to an anchor (*name) that is not there, or too often'] };
  }
}

const official = ['openai', 'anthropic'];

function checkProvider(name: string, entry: ProviderEntry): string[] {
  const at = `providers.${name}`;
  if (name === 'sandbox') return [`${at}: the name is reserved`];
  const isOfficial = official.includes(name);
  const faults = deploymentsOf(entry).flatMap(({ name: deployment, baseUrl, apiKey }, index) => {
    const where = entry.deployments ? `${at}.deployments[${index}]` : at;
    return [
      ...(isOfficial && apiKey === undefined ? [`${where}.api_key: is missing`] : []),
      ...(!isOfficial && baseUrl === undefined ? [`${where}.base_url: is missing (${deployment})`] : []),
    ];
  });
  return isOfficial && entry.apis ? [...faults, `${at}.apis: is known of ${name}`] : faults;
}

function deploymentsOf({ base_url, api_key, deployments }: ProviderEntry): Deployment[] {
  return (deployments ?? [{ name: 'default', weight: 1 }]).map(({ name, weight, ...own }) => {
    const baseUrl = own.base_url ?? base_url;
    const apiKey = own.api_key ?? api_key;
    return { name, weight, ...(baseUrl === undefined ? {} : { baseUrl }), ...(apiKey === undefined ? {} : { apiKey }) };
  });
}

const toProvider = (name: string, entry: ProviderEntry): RoutedProvider => ({
  name,
  deployments: deploymentsOf(entry),
  apis: official.includes(name) ? undefined : (entry.apis ?? ['chat', 'embeddings']),
  models: entry.models ?? [],
});

type Issue = Parameters<z.core.$ZodErrorMap>[0];

function ruleOf(issue: Issue): string | undefined {
  if (issue.code === 'unrecognized_keys') return `unknown member ${issue.keys.join(', ')}`;
  if (issue.code === 'invalid_key') return issue.issues[0]?.message;
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}`;
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}`;
  if (issue.code !== 'invalid_type') return undefined;
  if (issue.input === undefined) return 'is missing';
  return issue.expected === 'record' || issue.expected === 'object'
    ? 'must be a mapping'
    : `must be a ${issue.expected}`;
}

/** `models.smart.targets[0]: the rule`. */
function linesOf({ path, message }: z.core.$ZodIssue): string[] {
  const where = path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}${text === '' ? '' : '.'}${String(part)}`),
    '',
  );
  return [`${where === '' ? 'the file' : where}: ${message}`];
}
