import { isProviderName, type ProviderName } from '../contracts/provider-name.ts';
import type { ModelRow } from './model-row.ts';
import { models } from './models.ts';

export interface ResolvedModel {
  /** `provider/name`: the row's id, or the provider and the snapshot that was asked for. */
  id: string;
  provider: ProviderName;
  /** The name to send upstream. */
  model: string;
  /** Whether our table has it, and so its facts and a price from the catalogue. */
  known: boolean;
  row?: ModelRow;
}

/** Names are sent in headers, here and by proxies on the way, so what no header can carry is no name. */
const nameable = /^[\x21-\x7e]{1,256}$/;

/**
 * The model that a client's name stands for: exact id → alias → snapshot → `provider/model` of whatever provider, even
 * one that nobody serves, which is for workers to say → undefined. Case matters, as it does to the providers. A name of
 * more than 256 characters, or with other than visible ASCII ones, is nobody's.
 */
export function resolveModel(name: string): ResolvedModel | undefined {
  return nameable.test(name) ? (knownNames.get(name) ?? unlisted(name)) : undefined;
}

const knownNames = new Map(models.flatMap(namesOf));

/** Every name of a row, bare and behind its provider. What the sandbox answers to is never a bare name. */
function namesOf(row: ModelRow): [string, ResolvedModel][] {
  const { id, provider, model } = row;
  const self = { id, provider, model, known: true, row };
  const snapshots = row.snapshots.map((name) => ({ ...self, id: `${provider}/${name}`, model: name }));
  const bare: [string, ResolvedModel][] = [
    ...row.aliases.map((name): [string, ResolvedModel] => [name, self]),
    ...snapshots.map((snapshot): [string, ResolvedModel] => [snapshot.model, snapshot]),
  ];
  return [[id, self], ...bare, ...bare.map(([name, found]): [string, ResolvedModel] => [`${provider}/${name}`, found])];
}

function unlisted(name: string): ResolvedModel | undefined {
  const slash = name.indexOf('/');
  const provider = name.slice(0, Math.max(0, slash));
  const model = name.slice(slash + 1);
  if (!isProviderName(provider) || model === '') return undefined;
  // The sandbox knows its own models by their whole name.
  return { id: name, provider, model: provider === 'sandbox' ? name : model, known: false };
}
