import type { Delta } from '@llm-gateway/shared/contracts/content';
import { writtenText } from '@llm-gateway/shared/contracts/deltas';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import { isPrelude } from '../is-prelude.ts';

/** Tells nobody anything: a call of a tool tells its name, and a signature has no text. */
export const isSilent = (delta: Delta): boolean =>
  writtenText(delta) === '' && delta.type !== 'tool-call' && !('signature' in delta && delta.signature !== undefined);

/**
 * Whether a reader has something of an event that it would have to take back. The first events of a provider's stream say
 * only that there is one, which a model that thinks may do minutes before its first word: another call can take its place.
 */
export function saysSomething(event: JobEvent): boolean {
  switch (event.type) {
    case 'text-delta':
      return event.text !== '';
    case 'delta': {
      const { delta, frames = [], native } = event;
      return native !== undefined || (delta !== undefined && !isSilent(delta)) || !frames.every(isPrelude);
    }
    case 'snapshot':
      return true;
    case 'started':
    case 'retrying':
      return false;
  }
}
