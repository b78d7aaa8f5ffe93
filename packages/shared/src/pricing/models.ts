import { anthropicModels } from './anthropic-models.ts';
import type { ModelRow } from './model-row.ts';
import { openAIModels } from './openai-models.ts';

/** The sandbox answers to any `sandbox/<order>`, an order being a fault such as `fail-twice`; only this one is listed. */
const sandboxModels: readonly ModelRow[] = [
  {
    id: 'sandbox/echo',
    provider: 'sandbox',
    model: 'sandbox/echo',
    aliases: [],
    snapshots: [],
    displayName: 'Sandbox (made-up answers)',
    kind: 'chat',
  },
];

/** All models that the gateway knows by name. Others are reached as `provider/model`, without a catalogue price. */
export const models: readonly ModelRow[] = [...openAIModels, ...anthropicModels, ...sandboxModels];
