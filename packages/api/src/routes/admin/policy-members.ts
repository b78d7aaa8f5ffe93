import { budgets, type Limits, limits, modelLimits } from '@llm-gateway/shared/contracts/policy';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { z } from 'zod';
import { invalidField } from '../../http/invalid-field.ts';

/** Members of the bodies that set what somebody may do. Unknown members of theirs are refused: a misspelt limit limits nothing. */
export const limitsMember = limits.describe(
  'Of all its requests together; what is absent is not limited, 0 refuses everything. The limits of its users hold as well',
);
/** Of one user each: unlike those of a key or a tenant, they have a default. */
export const userLimitsMember = limits.describe(
  'Of each single user; what is absent is as configured (MAX_REQUESTS_PER_MINUTE, MAX_REQUESTS_PER_HOUR, …), 0 refuses everything',
);
export const modelLimitsMember = modelLimits.describe('By model');
export const budgetsMember = budgets.describe('One for each period at most');

/** Scripts read records as JSON, and theirs has no half of a surrogate pair. */
const shortText = z
  .string()
  .max(128)
  .refine((text) => text.isWellFormed(), 'must be well-formed Unicode');

export const nameMember = shortText;
export const userIdMember = shortText.min(1);

/** A page of a list, the newest first. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().optional().describe('Id of the last one of the page before'),
};

const escapePointer = (name: string) => name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');

function idOfModel(name: string, pointer: string): string {
  const id = resolveModel(name)?.id;
  if (id === undefined) {
    throw invalidField(pointer, `"${name.slice(0, 100)}" is not known; GET /v1/models lists the models`);
  }
  return id;
}

/** Our ids of the models that a client names. Throws `invalid_request`. */
export const resolveModels = (names: readonly string[]): string[] => [
  ...new Set(names.map((name, index) => idOfModel(name, `/models/${index}`))),
];

/** The same of limits by model. Throws `invalid_request`, also for a model that is named twice. */
export function resolveModelLimits(named: Record<string, Limits>): Record<string, Limits> {
  const byId = new Map<string, Limits>();
  for (const [name, ofModel] of Object.entries(named)) {
    const pointer = `/model_limits/${escapePointer(name)}`;
    const id = idOfModel(name, pointer);
    if (byId.has(id)) throw invalidField(pointer, `is ${id}, which has another entry`);
    byId.set(id, ofModel);
  }
  return Object.fromEntries(byId);
}
