import type { NativeApi } from '../contracts/native-body.ts';
import type { AliasEntry } from './routing-schema.ts';

/** One key or address of a provider. */
export interface Deployment {
  name: string;
  /** Absent where the provider's usual address is meant. */
  baseUrl?: string;
  /** As the file has it: references to the environment are resolved by workers. Absent where none is needed. */
  apiKey?: string;
  weight: number;
}

/** A provider as the file describes it. */
export interface RoutedProvider {
  name: string;
  /** At least one. */
  deployments: readonly Deployment[];
  /** Of a named server: what it speaks of OpenAI's interfaces. Undefined for the official providers. */
  apis: readonly NativeApi[] | undefined;
  /** Names that are listed; others are reached as `provider/name` all the same. */
  models: readonly string[];
}

/** A routing file, read and checked. */
export interface Routing {
  /** Names the content, as logs and the summary show it. */
  version: string;
  providers: ReadonlyMap<string, RoutedProvider>;
  /** The operator's own names of models: steps of targets, which may be such names again, without a cycle. */
  aliases: ReadonlyMap<string, AliasEntry>;
}

/** What holds without a file. */
export const noRouting: Routing = { version: 'none', providers: new Map(), aliases: new Map() };
