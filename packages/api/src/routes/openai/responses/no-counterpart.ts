/** Says of a member that a model of another provider could not be told it. */
export const noCounterpart = 'has no counterpart for models of other providers';

/** Notes what stands in the way of a model of another provider. */
export type Refuse = (pointer: string, detail?: string) => void;
