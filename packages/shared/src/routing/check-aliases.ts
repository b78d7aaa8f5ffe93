import { builtInProviders } from '../contracts/provider-name.ts';
import { resolveModel } from '../pricing/resolve-model.ts';
import type { Routing } from './routing.ts';
import type { AliasEntry } from './routing-schema.ts';

const modelsMax = 64;

/** Every target of an alias with its path within the file. */
const targetsOf = ({ targets }: AliasEntry): [path: string, name: string][] =>
  targets.flatMap((step, index): [string, string][] =>
    typeof step === 'string'
      ? [[`targets[${index}]`, step]]
      : step.map(({ model }, place): [string, string] => [`targets[${index}][${place}].model`, model]),
  );

/** What is wrong with where the operator's names lead: to nobody, in a circle, or to too many models. */
export function checkAliases({ aliases, providers }: Pick<Routing, 'aliases' | 'providers'>): string[] {
  const known = new Set<string>([...builtInProviders, ...providers.keys()]);
  const faults: string[] = [];
  for (const [alias, entry] of aliases) {
    for (const [path, name] of targetsOf(entry)) {
      if (aliases.has(name)) continue;
      const fault = faultOf(name, known);
      if (fault) faults.push(`models.${alias}.${path}: ${fault}`);
    }
  }
  return [...faults, ...checkShape(aliases)];
}

function faultOf(name: string, known: ReadonlySet<string>): string | undefined {
  const model = resolveModel(name);
  if (!model) return 'is no model and no name of this file: write provider/name';
  if (known.has(model.provider)) return undefined;
  return `there is no provider ${model.provider}: there are ${[...known].join(', ')}`;
}

/** Circles, and names that lead to too many models. */
function checkShape(aliases: Routing['aliases']): string[] {
  const faults: string[] = [];
  const counts = new Map<string, number>();
  /** Models that a name leads to; infinitely many where it leads to itself. */
  const count = (name: string, path: readonly string[]): number => {
    const entry = aliases.get(name);
    if (!entry) return 1;
    const counted = counts.get(name);
    if (counted !== undefined) return counted;
    if (path.includes(name)) {
      faults.push(
        `models.${name}: leads to itself, by way of ${[...path.slice(path.indexOf(name)), name].join(' → ')}`,
      );
      return 0;
    }
    const sum = targetsOf(entry).reduce((total, [, target]) => total + count(target, [...path, name]), 0);
    counts.set(name, sum);
    return sum;
  };
  for (const alias of aliases.keys()) {
    const found = faults.length;
    if (count(alias, []) > modelsMax && faults.length === found) {
      faults.push(`models.${alias}: leads to more than ${modelsMax} models`);
    }
  }
  return faults;
}
