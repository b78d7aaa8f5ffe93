import { Refusal } from '../call/refusal.ts';
import { type Fault, type FaultPlan, faults, noFault } from './faults.ts';

export interface FaultOrder {
  /** As it was given, for the call log; null when nothing was ordered. */
  text: string | null;
  plan: FaultPlan;
}

const matchers = faults.map((fault) => ({ fault, pattern: toPattern(fault.order) }));
const sandboxModel = /(?:^|\/)sandbox\/([^/]+)$/;

/** The orders in a model name `sandbox/<order>` and in the header `x-sandbox-fault`, laid over each other. */
export function readOrder(model: string, header: string | undefined): FaultOrder {
  const given = [sandboxModel.exec(model)?.[1], header?.trim()].filter((order) => order !== undefined && order !== '');
  if (given.length === 0) return { text: null, plan: noFault };
  const text = given.join('+');
  return { text, plan: text.split('+').reduce(layOver, noFault) };
}

function layOver(plan: FaultPlan, order: string): FaultPlan {
  const { fault, numbers } = findFault(order);
  const ordered = fault.plan(...numbers);
  return { ...plan, ...ordered, refusals: [...plan.refusals, ...(ordered.refusals ?? [])] };
}

function findFault(order: string): { fault: Fault; numbers: number[] } {
  for (const { fault, pattern } of matchers) {
    const match = pattern.exec(order);
    if (match) return { fault, numbers: match.slice(1).map(Number) };
  }
  // A misspelt order that answered as usual would let a test pass that tests nothing.
  const known = faults.map((fault) => fault.order).join(', ');
  throw new Refusal('invalid-body', { path: ['model'], message: `Unknown fault order '${order}'. Known: ${known}` });
}

function toPattern(order: string): RegExp {
  return new RegExp(`^${order.replace('<code>', '([45]\\d\\d)').replace(/<\w+>/g, '(\\d{1,7})')}$`);
}
