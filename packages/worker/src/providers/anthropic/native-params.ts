import type { NativeBody } from '@llm-gateway/shared/contracts/native-body';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { JsonObject } from '../json-object.ts';

/** The last version whose models take temperature, top_p and top_k. */
export const samplingVersion = '2023-06-01';

// From this one on they are answered with 400, be the model one that takes them or not.
const strictVersion = '2026-10-21';
const sampling = ['temperature', 'top_p', 'top_k'];
const versionHeader = 'anthropic-version';

interface NativeParams {
  body: JsonObject;
  headers: Record<string, string>;
}

/**
 * A client's own body and headers as they are sent: with the model that serves it, and streamed, so that a call shows signs
 * of life whether its client streams or not. All else stays as it came, but for sampling parameters that the client's
 * version would refuse: they go with the version that takes them, where the model does, and else not at all.
 */
export function toNativeParams({ body: given, headers = {} }: NativeBody, model: ResolvedModel): NativeParams {
  const body = { ...given, model: model.model, stream: true };
  const version = Object.entries(headers).find(([name]) => name.toLowerCase() === versionHeader)?.[1];
  const others = Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== versionHeader));
  const sent = (wanted: string) => ({ ...others, [versionHeader]: wanted });

  if (version === undefined) return { body, headers: sent(samplingVersion) };
  // Versions are dates, which their texts sort as.
  const isRefused = version >= strictVersion && sampling.some((member) => member in body);
  if (!isRefused) return { body, headers: sent(version) };
  if (model.row?.samplingParameters ?? true) return { body, headers: sent(samplingVersion) };
  const rest = Object.fromEntries(Object.entries(body).filter(([member]) => !sampling.includes(member)));
  return { body: rest, headers: sent(version) };
}
