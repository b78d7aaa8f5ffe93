import type { Answer } from '@llm-gateway/shared/contracts/answer';
import type { Delta } from '@llm-gateway/shared/contracts/content';
import { mergeDeltas, partsOfDeltas, visibleText, writtenText } from '@llm-gateway/shared/contracts/deltas';

/** Gathers what a model writes. */
export function createTranscript() {
  const deltas: Delta[] = [];
  return {
    add<Added extends readonly Delta[]>(more: Added): Added {
      // Of all, the last one alone can go on.
      if (more.length > 0) deltas.push(...mergeDeltas([...deltas.splice(-1), ...more]));
      return more;
    },
    /** All of it, of every choice, seen or not: to be counted. */
    written: () => deltas.map(writtenText).join(''),
    /** What the first choice says. */
    said(): Pick<Answer, 'text' | 'parts'> {
      const parts = partsOfDeltas(deltas);
      const text = visibleText(deltas);
      return parts.every(({ type }) => type === 'text') ? { text } : { text, parts };
    },
  };
}
