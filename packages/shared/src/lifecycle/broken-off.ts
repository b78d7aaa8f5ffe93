import type { Failure } from '../contracts/failure.ts';

/** What becomes of a job whose reader was given a part of an answer that does not go on, and cannot take it back. */
export const brokenOff: Failure = {
  code: 'answer_broken_off',
  detail: 'The answer broke off. What was sent of it cannot be taken back, so it is not begun anew.',
};
