import type { Answer } from '@llm-gateway/shared/contracts/answer';
import type { Delta } from '@llm-gateway/shared/contracts/content';
import { createWritten, mergeDeltas, partsOfDeltas, visibleText } from '@llm-gateway/shared/contracts/deltas';

/** Gathers what a model writes. */
export function createTranscript() {
  const deltas: Delta[] = [];
  return {
    add<Added extends readonly Delta[]>(more: Added): Added {
      // Of all, the last one alone can go on.
      if (more.length > 0) deltas.push(...mergeDeltas([...deltas.splice(-1), ...more]));
      return more;
    },
    /** All of it, seen or not, of each choice apart: to be counted. */
    written(): string[] {
      const written = createWritten();
      for (const delta of deltas) written.add(delta);
      return written.texts();
    },
    /** What the first choice says. */
    said(): Pick<Answer, 'text' | 'parts'> {
      const parts = partsOfDeltas(deltas);
      const text = visibleText(deltas);
      return parts.every(({ type }) => type === 'text') ? { text } : { text, parts };
    },
  };
}
