import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { type SaidTerms, termsOf } from '@llm-gateway/shared/pricing/terms';

/** What an answer says of the terms that it was served on; nothing where they are the usual ones. */
export function servedOn(said: SaidTerms): Pick<Answer, 'terms'> {
  const terms = termsOf(said);
  return terms.length === 0 ? {} : { terms };
}
