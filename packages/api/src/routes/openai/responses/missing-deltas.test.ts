import type { Delta } from '@llm-gateway/shared/contracts/content';
import { mergeDeltas, partsOfDeltas } from '@llm-gateway/shared/contracts/deltas';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { missingDeltas } from './missing-deltas.ts';

const text = (said: string): Delta => ({ type: 'text', text: said });
const call = (index: number, given: string, id?: string): Delta => ({
  type: 'tool-call',
  index,
  arguments: given,
  ...(id === undefined ? {} : { id, name: 'f' }),
});

/** One answer, cut as finely as it can be: each delta says one character, or begins a call. */
const answer = fc
  .array(fc.constantFrom('text', 'refusal', 'reasoning', 'signature', 'call', 'arguments'), { maxLength: 30 })
  .map((kinds): Delta[] => {
    let calls = 0;
    return kinds.flatMap((kind, at): Delta[] => {
      const said = String.fromCharCode(97 + (at % 26));
      if (kind === 'signature') return [{ type: 'reasoning', text: said, signature: `s${at}` }];
      if (kind === 'arguments' && calls > 0) return [call(at % calls, said)];
      if (kind !== 'call' && kind !== 'arguments') return [{ type: kind as 'text', text: said }];
      calls += 1;
      return [call(calls - 1, '', `c${at}`)];
    });
  });

test('what has been said and what is missing come to the whole, wherever it is cut', () => {
  fc.assert(
    fc.property(answer, fc.nat(30), (whole, cut) => {
      const said = whole.slice(0, cut);
      const missing = missingDeltas(mergeDeltas(said), mergeDeltas(whole));
      expect(missing).toBeDefined();
      expect(partsOfDeltas([...said, ...(missing ?? [])])).toEqual(partsOfDeltas(whole));
    }),
  );
});

test.for<[string, Delta[], Delta[]]>([
  ['other text', [text('ab')], [text('ac')]],
  ['less text', [text('ab')], [text('a')]],
  ['something else', [text('a')], [call(0, '', 'c')]],
  ['more of what had ended', [text('a'), call(0, '', 'c')], [text('ab'), call(0, '', 'c')]],
  ['other arguments', [call(0, '{"a', 'c')], [call(0, '{"b', 'c')]],
  ['fewer parts', [text('a'), call(0, '', 'c')], [text('a')]],
])('%s is no continuation', ([, said, whole]) => expect(missingDeltas(said, whole)).toBeUndefined());
