import type { Delta, Part } from '@llm-gateway/shared/contracts/content';
import { deltasOfParts, partsOfDeltas } from '@llm-gateway/shared/contracts/deltas';

/** What is left to say of a whole of which some has been said; undefined where the whole is not how it went on. */
export function missingDeltas(said: readonly Delta[], whole: readonly Delta[]): Delta[] | undefined {
  const begun = partsOfDeltas(said.filter(saysSomething));
  const parts = partsOfDeltas(whole.filter(saysSomething));
  if (begun.length > parts.length) return undefined;
  const missing: Delta[] = [];
  let calls = 0;
  for (const [index, part] of begun.entries()) {
    const isLast = index === begun.length - 1;
    const rest = restOf(part, parts[index] as Part, { calls, isLast });
    if (!rest) return undefined;
    missing.push(...rest);
    if (part.type === 'tool-call') calls += 1;
  }
  const others = deltasOfParts(parts.slice(begun.length)).map((delta) =>
    delta.type === 'tool-call' ? { ...delta, index: delta.index + calls } : delta,
  );
  return [...missing, ...others];
}

const saysSomething = (delta: Delta) =>
  delta.type === 'tool-call' || delta.text !== '' || ('signature' in delta && delta.signature !== undefined);

/** Of calls, which may go on side by side, every one may lack something; of the rest the last one alone. */
function restOf(begun: Part, whole: Part, { calls, isLast }: { calls: number; isLast: boolean }): Delta[] | undefined {
  if (begun.type === 'tool-call' && whole.type === 'tool-call') {
    const rest = tailOf(begun.arguments, whole.arguments);
    if (rest === undefined || begun.name !== whole.name) return undefined;
    return rest === '' ? [] : [{ type: 'tool-call', index: calls, arguments: rest }];
  }
  if (!isSpoken(begun) || !isSpoken(whole) || begun.type !== whole.type) return undefined;
  const rest = tailOf(begun.text, whole.text);
  const signature = whole.type === 'reasoning' && signatureOf(begun) === undefined ? whole.signature : undefined;
  if (rest === undefined || (!isLast && rest !== '')) return undefined;
  if (rest === '' && (signature === undefined || !isLast)) return [];
  return [{ type: begun.type, text: rest, ...(signature === undefined ? {} : { signature }) } as Delta];
}

const isSpoken = (part: Part): part is Extract<Part, { type: 'text' | 'refusal' | 'reasoning' }> =>
  part.type === 'text' || part.type === 'refusal' || part.type === 'reasoning';

const signatureOf = (part: Part) => (part.type === 'reasoning' ? part.signature : undefined);

const tailOf = (begun: string, whole: string): string | undefined =>
  whole.startsWith(begun) ? whole.slice(begun.length) : undefined;
