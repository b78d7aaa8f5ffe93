import type { NativeBody } from '@llm-gateway/shared/contracts/native-body';
import type { AskedBody } from '../../../generation/asked-body.ts';
import { createNativeOnly } from '../../../generation/no-counterpart.ts';
import { invalidField } from '../../../http/invalid-field.ts';
import { commonOf, splitBody } from '../openai-members.ts';
import { leavesTraces, refuseNativeOnly } from './native-only.ts';
import { readGeneration } from './read-generation.ts';
import type { ResponsesBody } from './responses-body.ts';

/** A body of `POST /v1/responses`, as admission takes it. Throws `invalid_request` for what the gateway cannot do. */
export function readResponsesBody(body: ResponsesBody): AskedBody {
  const asked = splitBody(body);
  const { stream } = body;
  refuseImpossible(body);
  const { nativeOnly, refuse } = createNativeOnly();
  refuseNativeOnly(body, refuse);
  const generation = { ...readGeneration(body, refuse), native: nativeOf(asked) };
  return {
    ...commonOf(body),
    generation,
    nativeOnly,
    asked,
    isStreamed: stream === true,
    isBackground: body.background === true,
    caching: leavesTraces(body) ? 'never' : body.temperature === 0 ? 'unless-refused' : 'when-asked',
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
