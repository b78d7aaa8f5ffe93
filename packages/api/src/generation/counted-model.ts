import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { builtInProviders } from '@llm-gateway/shared/contracts/provider-name';
import type { LaneSurvey } from '@llm-gateway/shared/lanes/announcements';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { Caller } from '../auth/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { planTargets } from '../routing/plan-targets.ts';

/**
 * The model for which a client wants tokens counted; of a name of the operator's the first one that its key may use.
 * Throws `model_not_found` for a name that means none, `forbidden` for a model that the key is not made for.
 */
export function countedModel(
  name: string,
  { models }: Pick<Caller, 'models'>,
  { known }: Pick<LaneSurvey, 'known'>,
  routing: ApiDeps['routing'],
): ResolvedModel {
  const targets = planTargets(name, routing.current(), Math.random);
  const there = targets.filter(({ provider }) => [...builtInProviders, ...known].includes(provider));
  const [first] = there;
  if (!first) {
    const detail = `The model "${name.slice(0, 100)}" is not known; GET /v1/models lists the models.`;
    throw new GatewayError({ code: 'model_not_found', field: '/model', detail });
  }
  const allowed = there.find(({ id }) => models?.includes(id) !== false);
  if (allowed) return allowed;
  throw new GatewayError({ code: 'forbidden', field: '/model', detail: `The API key may not use ${first.id}.` });
}
