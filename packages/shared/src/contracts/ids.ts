import { monotonicFactory } from 'ulid';

const nextUlid = monotonicFactory();

const make = (prefix: string) => `${prefix}_${nextUlid()}`;

const ulidPattern = '[0-9A-HJKMNP-TV-Z]{26}';

/** Sortable by the time of their making; ids of one process never repeat or run backwards. */
export const makeJobId = (): string => make('job');
export const makeRequestId = (): string => make('req');
export const makeInstanceId = (): string => make('inst');

export const jobIdPattern = new RegExp(`^job_${ulidPattern}$`);
