import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';

/** Of every answer that tells of a generation. */
export const modelHeaders = ({ id, provider }: ResolvedModel) => ({
  'x-gateway-model': id,
  'x-gateway-provider': provider,
});
