import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { type ResolvedModel, resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { LaneBoard } from '../lanes/lane-board.ts';

const refuse = (field: string, detail: string) =>
  new GatewayError({ code: 'invalid_request', field, detail, errors: [{ pointer: field, detail }] });

/**
 * The model that a request means. Throws `invalid_request` for a name that means none, for a model without a worker,
 * and for a parameter that the model cannot take: what would fail at the provider is refused before it is accepted.
 */
export async function fitModel(name: string, generation: Generation, board: LaneBoard): Promise<ResolvedModel> {
  const model = resolveModel(name);
  if (!model) throw refuse('/model', `Unknown model "${name.slice(0, 100)}"; GET /v1/models lists the known ones.`);
  if (model.row?.kind === 'embedding') throw refuse('/model', `${name} makes embeddings; it cannot generate text.`);
  if (!(await board.serves(model.provider))) {
    throw refuse('/model', `No worker serves ${model.provider}: its API key is not configured.`);
  }
  const outputMax = model.row?.maxOutputTokens;
  if (outputMax !== undefined && generation.maxTokens !== undefined && generation.maxTokens > outputMax) {
    throw refuse('/max_tokens', `must be <= ${outputMax} for ${name}`);
  }
  if (model.provider === 'anthropic') fitAnthropic(generation);
  return model;
}

function fitAnthropic({ temperature, seed, responseFormat }: Generation): void {
  if (temperature !== undefined && temperature > 1) throw refuse('/temperature', 'must be <= 1 for Claude models');
  if (seed !== undefined) throw refuse('/seed', 'is not supported by Claude models');
  if (responseFormat !== undefined && responseFormat.type !== 'text') {
    throw refuse('/response_format', 'is not supported for Claude models');
  }
}
