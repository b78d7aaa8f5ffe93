const ulid = '[0-7][0-9A-HJKMNP-TV-Z]{25}';
const ownReasoningId = new RegExp(`^rs_${ulid}_\\d+$`);

/** What the ids of a job have in common in all dialects. */
const suffixOf = (jobId: string): string => jobId.slice('job_'.length);

export const responseIdOf = (jobId: string): string => `resp_${suffixOf(jobId)}`;

const prefixes = { message: 'msg', function_call: 'fc', reasoning: 'rs' } as const;

/** Of an item that we have made of what a model of another provider said: the same whenever it is made. */
export const itemIdOf = (jobId: string, type: keyof typeof prefixes, index: number): string =>
  `${prefixes[type]}_${suffixOf(jobId)}_${index}`;

/** For a call without an id of its own. */
export const callIdOf = (jobId: string, index: number): string => `call_${suffixOf(jobId)}_${index}`;

/** Of an item of the input that was sent without an id. */
export const inputItemIdOf = (jobId: string, type: string, index: number): string =>
  `${type === 'message' ? 'msg' : 'item'}_${suffixOf(jobId)}_in${index}`;

/** Whether reasoning was told to the client by us, in the place of a provider that speaks another dialect. */
export const isOwnReasoningId = (id: string): boolean => ownReasoningId.test(id);
