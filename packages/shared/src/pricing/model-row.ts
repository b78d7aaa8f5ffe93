import type { ProviderName } from '../contracts/provider-name.ts';

/** One model that the gateway knows by name. Facts nobody could support are left out rather than guessed. */
export interface ModelRow {
  /** `provider/name`, unique. */
  id: string;
  provider: ProviderName;
  /** The name that is sent upstream. */
  model: string;
  /** Further names of `model`, without the provider. */
  aliases: readonly string[];
  /** Dated names that upstream knows too. They are sent as they came: a client that pins a snapshot gets it. */
  snapshots: readonly string[];
  displayName: string;
  kind: 'chat' | 'embedding';
  /** Day of release, `2024-05-13`. */
  createdOn?: string;
  /** The context window in tokens, which input and output share. */
  maxInputTokens?: number;
  maxOutputTokens?: number;
  /** Set where the model answers 400 to a temperature or top_p other than its default. */
  samplingParameters?: false;
}

type Facts = Pick<ModelRow, 'createdOn' | 'maxInputTokens' | 'maxOutputTokens' | 'samplingParameters'>;

/** What a row says beyond its names. */
export type RowFacts = Facts & { kind?: ModelRow['kind']; aliases?: readonly string[]; snapshots?: readonly string[] };
