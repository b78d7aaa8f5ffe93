import { decodeTime, monotonicFactory } from 'ulid';

const nextUlid = monotonicFactory();

const make = (prefix: string) => `${prefix}_${nextUlid()}`;

// The first character ends the range of times that there are.
const ulidPattern = '[0-7][0-9A-HJKMNP-TV-Z]{25}';

/** Sortable by the time of their making; ids of one process never repeat or run backwards. */
export const makeJobId = (): string => make('job');
export const makeRequestId = (): string => make('req');
export const makeInstanceId = (): string => make('inst');

export const makeEndpointId = (): string => make('whe');
export const makeEventId = (): string => make('evt');
export const makeKeyId = (): string => make('key');
export const makeTenantId = (): string => make('ten');

export const makeFileId = (): string => `file-${nextUlid()}`;
export const makeBatchId = (): string => make('batch');
export const makeMessageBatchId = (): string => make('msgbatch');

/** When an id was made, by the clock of the process that made it. */
export const timeOfId = (id: string): number => decodeTime(id.slice(-26));

const keyPattern = new RegExp(`^key_${ulidPattern}$`);

/** Whether a text may be the id of an API key. */
export const isKeyId = (text: string): boolean => keyPattern.test(text);

const aliasPattern = new RegExp(`^(?:(?:job|resp|msg)_|(?:chat)?cmpl-)(${ulidPattern})$`);

/** The id of the job behind an id of any dialect (`chatcmpl-X`, `cmpl-X`, `resp_X`, `msg_X`); undefined for what is no id. */
export function toJobId(id: string): string | undefined {
  const suffix = aliasPattern.exec(id)?.[1];
  return suffix === undefined ? undefined : `job_${suffix}`;
}

/** The id that a job, or a part of it, has in a dialect: `idAs('resp_', jobId)` is `resp_X` of `job_X`. */
export const idAs = (prefix: string, jobId: string): string => `${prefix}${jobId.slice('job_'.length)}`;
