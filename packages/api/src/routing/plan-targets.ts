import { type ResolvedModel, resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { Routing } from '@llm-gateway/shared/routing/routing';

/**
 * The models that a client's name stands for, in the order in which they are to be tried; one for a name that is not
 * the operator's, none for one that is nobody's. A name of the operator's goes before the table's own. Within a step
 * the order is drawn by weight, anew with every request; no model is there twice.
 */
export function planTargets(
  name: string,
  { aliases }: Pick<Routing, 'aliases'>,
  random: () => number,
): ResolvedModel[] {
  const planned = new Map<string, ResolvedModel>();
  const visit = (target: string): void => {
    // The file has been checked for circles.
    const alias = aliases.get(target);
    if (alias) {
      for (const step of alias.targets) {
        for (const next of typeof step === 'string' ? [step] : drawOrder(step, random)) visit(next);
      }
      return;
    }
    const model = resolveModel(target);
    if (model && !planned.has(model.id)) planned.set(model.id, model);
  };
  visit(name);
  return [...planned.values()];
}

/** An order of the members in which each place is drawn by weight from those that are left. */
function drawOrder(members: readonly { model: string; weight: number }[], random: () => number): string[] {
  const left = [...members];
  const order: string[] = [];
  while (left.length > 0) {
    let rest = random() * left.reduce((sum, { weight }) => sum + weight, 0);
    const drawn = left.findIndex(({ weight }) => {
      rest -= weight;
      return rest < 0;
    });
    const [member] = left.splice(Math.max(0, drawn), 1);
    if (member) order.push(member.model);
  }
  return order;
}
