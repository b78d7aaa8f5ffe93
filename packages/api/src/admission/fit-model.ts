import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { type ResolvedModel, resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { invalidField } from '../http/invalid-field.ts';
import type { LaneBoard } from '../lanes/lane-board.ts';
import type { GenerationRequest } from './generation-request.ts';

/**
 * The model that a request means. Throws `invalid_request` for a name that means none, for a model without a worker,
 * and for a parameter that the model cannot take: what would fail at the provider is refused before it is accepted.
 * Throws `forbidden` for a model that the caller's key is not made for, `dependency_down` before any worker has come up.
 */
export async function fitModel(
  { model: name, generation, models }: Pick<GenerationRequest, 'model' | 'generation' | 'models'>,
  board: LaneBoard,
): Promise<ResolvedModel> {
  const model = resolveModel(name);
  if (!model) throw invalidField('/model', `"${name.slice(0, 100)}" is not known; GET /v1/models lists the models`);
  if (model.row?.kind === 'embedding')
    throw invalidField('/model', `${name} makes embeddings, it cannot generate text`);
  if (models?.includes(model.id) === false) {
    const detail = `The API key may not use ${model.id}; it may use ${models.join(', ')}.`;
    throw new GatewayError({ code: 'forbidden', field: '/model', detail });
  }
  const { lanes } = await board.survey();
  // Workers announce themselves anew within seconds where Redis has forgotten them.
  if (lanes.size === 0) {
    throw new GatewayError({ code: 'dependency_down', detail: 'No worker has come up yet.', retryAfterMs: 5000 });
  }
  if (!lanes.has(model.provider)) {
    throw invalidField('/model', `no worker serves ${model.provider}; GET /v1/models lists the models that are served`);
  }
  const outputMax = model.row?.maxOutputTokens;
  if (outputMax !== undefined && generation.maxTokens !== undefined && generation.maxTokens > outputMax) {
    throw invalidField('/max_tokens', `must be <= ${outputMax} for ${name}`);
  }
  if (model.provider === 'anthropic') fitAnthropic(generation);
  return model;
}

function fitAnthropic({ temperature, seed, responseFormat }: Generation): void {
  if (temperature !== undefined && temperature > 1)
    throw invalidField('/temperature', 'must be <= 1 for Claude models');
  if (seed !== undefined) throw invalidField('/seed', 'is not supported by Claude models');
  if (responseFormat !== undefined && responseFormat.type !== 'text') {
    throw invalidField('/response_format', 'is not supported for Claude models');
  }
}
