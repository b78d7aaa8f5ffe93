import type { NativeBody } from '@llm-gateway/shared/contracts/native-body';
import type { AskedBody } from '../../../generation/asked-body.ts';
import { toCacheOptions, toQueueOptions } from '../../../generation/gateway-member.ts';
import { type Fault, invalidField } from '../../../http/invalid-field.ts';
import { splitBody, userOf } from '../openai-members.ts';
import { leavesTraces, refuseNativeOnly } from './native-only.ts';
import { noCounterpart, type Refuse } from './no-counterpart.ts';
import { readGeneration } from './read-generation.ts';
import type { ResponsesBody } from './responses-body.ts';

/** A body of `POST /v1/responses`, as admission takes it. Throws `invalid_request` for what the gateway cannot do. */
export function readResponsesBody(body: ResponsesBody): AskedBody {
  const asked = splitBody(body);
  const { gateway, stream } = body;
  refuseImpossible(body);
  const nativeOnly: Fault[] = [];
  const refuse: Refuse = (pointer, detail = noCounterpart) => nativeOnly.push({ pointer, detail });
  refuseNativeOnly(body, refuse);
  const generation = { ...readGeneration(body, refuse), native: nativeOf(asked) };
  return {
    model: body.model,
    generation,
    nativeOnly,
    asked,
    isStreamed: stream === true,
    isBackground: body.background === true,
    user: userOf(body),
    fallbackUserId: 'anonymous',
    caching: leavesTraces(body) ? 'never' : body.temperature === 0 ? 'unless-refused' : 'when-asked',
    cache: toCacheOptions(gateway ?? undefined),
    queue: toQueueOptions(gateway ?? undefined),
    metadata: body.metadata ?? gateway?.metadata ?? {},
  };
}

function refuseImpossible({ conversation, background, store, input, ...body }: ResponsesBody): void {
  if (conversation != null) throw invalidField('/conversation', 'is not supported: send the conversation as input');
  if (background === true && store === false) throw invalidField('/store', 'must not be false with background');
  // A stored prompt of the provider's brings its own.
  if (input == null && body.prompt == null) throw invalidField('/input', 'is required');
}

/** To go on without anybody is what the gateway does for the provider, which is always streamed. */
function nativeOf({ background, ...body }: Record<string, unknown>): NativeBody {
  return { api: 'responses', body, ...(background == null ? {} : { asked: { background } }) };
}
