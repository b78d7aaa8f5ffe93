import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { type Generation, type Message, partsOf } from '@llm-gateway/shared/contracts/generation';
import { builtInProviders } from '@llm-gateway/shared/contracts/provider-name';
import { type ResolvedModel, resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { Dialect } from '../http/dialect.ts';
import { invalidField, invalidFields } from '../http/invalid-field.ts';
import type { LaneBoard } from '../lanes/lane-board.ts';
import type { GenerationRequest } from './generation-request.ts';

/**
 * The model that a request means. Throws `invalid_request` for a name that means none, for a model without a worker,
 * and for a parameter that the model cannot take: what would fail at the provider is refused before it is accepted.
 * Throws `forbidden` for a model that the caller's key is not made for, `dependency_down` before any worker has come up.
 */
export async function fitModel(
  { model: name, dialect, generation, nativeOnly, models }: Asked,
  board: LaneBoard,
): Promise<ResolvedModel> {
  const model = resolveModel(name);
  if (!model) throw unknownModel(name, dialect);
  fitKind(name, model, generation);
  if (models?.includes(model.id) === false) {
    const detail = `The API key may not use ${model.id}; it may use ${models.join(', ')}.`;
    throw new GatewayError({ code: 'forbidden', field: '/model', detail });
  }
  const { lanes, apis, known } = await board.survey();
  // Workers announce themselves anew within seconds where Redis has forgotten them.
  if (lanes.size === 0) {
    throw new GatewayError({ code: 'dependency_down', detail: 'No worker has come up yet.', retryAfterMs: 5000 });
  }
  if (!lanes.has(model.provider)) {
    const isProvider = [...builtInProviders, ...known].includes(model.provider);
    if (!isProvider) throw unknownModel(name, dialect);
    throw invalidField('/model', `no worker serves ${model.provider}; GET /v1/models lists the models that are served`);
  }
  const outputMax = model.row?.maxOutputTokens;
  if (outputMax !== undefined && generation.maxTokens !== undefined && generation.maxTokens > outputMax) {
    throw invalidField('/max_tokens', `must be <= ${outputMax} for ${name}`);
  }
  // Who is sent the client's own body can tell by itself what is wrong with it.
  const { native } = generation;
  if (native && apis.get(model.provider)?.includes(native.api)) return model;
  const [first, ...others] = nativeOnly;
  if (first) throw invalidFields([first, ...others]);
  if (model.provider === 'anthropic') fitAnthropic(generation);
  else fitOpenAI(generation);
  return model;
}

type Asked = Pick<GenerationRequest, 'model' | 'dialect' | 'generation' | 'nativeOnly' | 'models'>;

/** Both vendors answer 404 to a model that they do not know; to us it is a member of the body like any other. */
function unknownModel(name: string, dialect: Dialect): GatewayError {
  const said = `"${name.slice(0, 100)}" is not known; GET /v1/models lists the models`;
  if (dialect === 'native') return invalidField('/model', said);
  return new GatewayError({ code: 'model_not_found', field: '/model', detail: `The model ${said}.` });
}

function fitKind(name: string, { row }: ResolvedModel, { native }: Generation): void {
  if (!row) return;
  const makesEmbeddings = native?.api === 'embeddings';
  if (row.kind === 'embedding' && !makesEmbeddings) {
    throw invalidField('/model', `${name} makes embeddings, it cannot generate text`);
  }
  if (row.kind === 'chat' && makesEmbeddings) throw invalidField('/model', `${name} makes no embeddings`);
}

function fitAnthropic({ temperature, seed, responseFormat }: Generation): void {
  if (temperature !== undefined && temperature > 1)
    throw invalidField('/temperature', 'must be <= 1 for Claude models');
  if (seed !== undefined) throw invalidField('/seed', 'is not supported by Claude models');
  if (responseFormat?.type === 'json_object') {
    throw invalidField('/response_format', 'must not be json_object for Claude models: ask for a json_schema');
  }
}

// Its own API says so; to servers that speak it, as far as they say anything, it is the same.
const openAIStopMax = 4;

function fitOpenAI({ stop = [], messages }: Generation): void {
  if (stop.length > openAIStopMax)
    throw invalidField('/stop', `must have at most ${openAIStopMax} items for this model`);
  if (messages.some(namesDocument)) {
    throw invalidField('/messages', 'must hold documents as base64 for this model, which fetches none from an address');
  }
}

const namesDocument = (message: Message) =>
  partsOf(message).some((part) => part.type === 'document' && part.source.kind === 'url');
