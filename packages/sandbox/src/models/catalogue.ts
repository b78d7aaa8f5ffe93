import { faults } from '../faults/faults.ts';

export interface CatalogueModel {
  id: string;
  vendor: 'openai' | 'anthropic' | 'sandbox';
  displayName: string;
}

/** What `GET /v1/models` names. Any other name is served as well; orders with a number in them are left out. */
export const catalogue: readonly CatalogueModel[] = [
  { id: 'gpt-4o', vendor: 'openai', displayName: 'GPT-4o' },
  { id: 'gpt-4o-mini', vendor: 'openai', displayName: 'GPT-4o mini' },
  { id: 'text-embedding-3-small', vendor: 'openai', displayName: 'Text Embedding 3 small' },
  { id: 'text-embedding-3-large', vendor: 'openai', displayName: 'Text Embedding 3 large' },
  { id: 'claude-sonnet-4-5', vendor: 'anthropic', displayName: 'Claude Sonnet 4.5' },
  { id: 'claude-haiku-4-5', vendor: 'anthropic', displayName: 'Claude Haiku 4.5' },
  ...faults.filter(({ order }) => !order.includes('<')).map(({ order }) => toSandboxModel(`sandbox/${order}`)),
];

export function findModel(id: string): CatalogueModel {
  return catalogue.find((model) => model.id === id) ?? toSandboxModel(id);
}

function toSandboxModel(id: string): CatalogueModel {
  return { id, vendor: 'sandbox', displayName: id };
}
