import { readFileSync } from 'node:fs';
import { parseRouting } from '@llm-gateway/shared/routing/parse-routing';
import { references } from '@llm-gateway/shared/routing/routing-schema';

/** What `npm start` has to know of the routing file. */
export interface RoutingFacts {
  /** Variables that it refers to: workers alone need them. */
  secrets: readonly string[];
  /** Names of the providers in it. */
  providers: readonly string[];
}

/** Nothing for a file that cannot be read or is bad, of which the processes themselves will tell. */
export function readRoutingFacts(path: string | undefined): RoutingFacts {
  const text = readText(path);
  const parsed = parseRouting(text);
  return {
    secrets: [...text.matchAll(references)].flatMap(([, name]) => name ?? []),
    providers: 'routing' in parsed ? [...parsed.routing.providers.keys()] : [],
  };
}

function readText(path: string | undefined): string {
  try {
    return path === undefined || path === '' ? '' : readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
