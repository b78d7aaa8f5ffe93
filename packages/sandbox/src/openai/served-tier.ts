/** The tier that is said to have served a call: the one that was asked for, where one was. */
export function servedTier(asked: string | null | undefined): string {
  return !asked || asked === 'auto' ? 'default' : asked;
}
