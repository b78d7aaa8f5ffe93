import type { LaneSurvey } from '@llm-gateway/shared/lanes/announcements';
import type { ModelRow } from '@llm-gateway/shared/pricing/model-row';
import { models } from '@llm-gateway/shared/pricing/models';
import type { PriceBook } from '@llm-gateway/shared/pricing/price-book';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { Routing } from '@llm-gateway/shared/routing/routing';
import { planTargets } from '../routing/plan-targets.ts';
import { type ModelView, viewModel } from './model-view.ts';

/**
 * Every model that a worker serves: those of our table, those that the routing file lists of its providers, and the
 * operator's own names with a target that is served.
 */
export function listedModels(routing: Routing, { lanes }: Pick<LaneSurvey, 'lanes'>, prices: PriceBook): ModelView[] {
  const own = [...routing.aliases.keys()].flatMap((name) => viewOwn(name, routing, lanes, prices));
  const rows = [...models, ...rowsOf(routing)].filter(({ provider }) => lanes.has(provider));
  return [...rows.map((row) => viewModel(row, prices)), ...own];
}

/** The models that the file lists and our table does not. */
function rowsOf({ providers }: Routing): ModelRow[] {
  return [...providers.values()].flatMap(({ name: provider, models: names }) =>
    names
      .map((model) => ({ id: `${provider}/${model}`, model }))
      .filter(({ id }) => resolveModel(id)?.known === false)
      .map(({ id, model }): ModelRow => {
        return { id, provider, model, aliases: [], snapshots: [], displayName: model, kind: 'chat' };
      }),
  );
}

/** A name of the operator's: what it is for is its first target's matter, what it costs only where there is no other. */
function viewOwn(name: string, routing: Routing, lanes: LaneSurvey['lanes'], prices: PriceBook): ModelView[] {
  // The order that the file has, whatever the weights draw.
  const targets = planTargets(name, routing, () => 0).filter(({ provider }) => lanes.has(provider));
  const [first] = targets;
  if (!first) return [];
  const { row, provider, model } = first;
  const view = viewModel(
    row ?? { id: first.id, provider, model, aliases: [], snapshots: [], displayName: model, kind: 'chat' },
    prices,
  );
  return [
    {
      ...view,
      id: name,
      owned_by: 'gateway',
      display_name: name,
      aliases: [],
      pricing: targets.length === 1 ? view.pricing : null,
      targets: targets.map(({ id }) => id),
    },
  ];
}
