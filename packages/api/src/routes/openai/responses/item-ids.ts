import { idAs } from '@llm-gateway/shared/contracts/ids';

const ulid = '[0-7][0-9A-HJKMNP-TV-Z]{25}';
const ownReasoningId = new RegExp(`^rs_${ulid}_\\d+$`);

export const responseIdOf = (jobId: string): string => idAs('resp_', jobId);

const prefixes = { message: 'msg_', function_call: 'fc_', reasoning: 'rs_' } as const;

/** Of an item that we have made of what a model of another provider said: the same whenever it is made. */
export const itemIdOf = (jobId: string, type: keyof typeof prefixes, index: number): string =>
  `${idAs(prefixes[type], jobId)}_${index}`;

/** For a call without an id of its own. */
export const callIdOf = (jobId: string, index: number): string => `${idAs('call_', jobId)}_${index}`;

/** Of an item of the input that was sent without an id. */
export const inputItemIdOf = (jobId: string, type: string, index: number): string =>
  `${idAs(type === 'message' ? 'msg_' : 'item_', jobId)}_in${index}`;

/** Whether reasoning was told to the client by us, in the place of a provider that speaks another dialect. */
export const isOwnReasoningId = (id: string): boolean => ownReasoningId.test(id);
