/** Why a call gets no answer. Each dialect has one table that says how its vendor puts it. */
export type RefusalReason =
  | 'invalid-body'
  | 'not-json'
  | 'too-large'
  | 'no-credential'
  | 'no-such-model'
  | 'no-such-response'
  | 'no-previous-response'
  | 'no-such-path'
  | 'rate-limited'
  | 'quota-spent'
  | 'overloaded'
  | 'ordered-status'
  | 'internal';

interface RefusalDetails {
  message?: string;
  /** Where in the body the problem is. */
  path?: readonly PropertyKey[];
  /** Only of an ordered status: the others have the vendor's own. */
  status?: number;
  retryAfterS?: number;
}

export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reason: RefusalReason;
  readonly details: RefusalDetails;

  constructor(reason: RefusalReason, details: RefusalDetails = {}) {
    super(details.message ?? reason);
    this.reason = reason;
    this.details = details;
  }
}
