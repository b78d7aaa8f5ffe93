import { expect, test } from 'vitest';
import { countTokens, cutToTokens, splitIntoPieces } from './tokens.ts';

const texts = [
  '',
  'Hello, world!',
  'Bären 🐻‍❄️ mögen 蜂蜜 и мёд 👩‍👩‍👧‍👦.',
  '<|endoftext|> is only text here',
  '\n\n  tabs\tand\r\nlines ',
];

test.for(texts)('%j: the pieces are the text, and their tokens its count', (text) => {
  for (const tokensEach of [1, 3]) {
    const pieces = splitIntoPieces(text, tokensEach);
    expect(pieces.map((piece) => piece.text).join('')).toBe(text);
    expect(pieces.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(countTokens(text));
  }
});

test.for([
  ...texts,
  // A token may end within a character, and white space is split by what follows it.
  '𝔟𝔢𝔞𝔯 𝔟𝔢𝔞𝔯',
  '👩‍👩‍👧‍👦🐻‍❄️👩‍👩‍👧‍👦 ʰʰʰ ʰʰ',
  'a   5  {  }\t\t\t[ ]   (x)',
  'मुझे भालुओं के बारे में बताओ',
])('%j: every beginning of pieces costs what its text counts', (text) => {
  for (const tokensEach of [1, 2, 3]) {
    let cost = 0;
    let beginning = '';
    for (const piece of splitIntoPieces(text, tokensEach)) {
      cost += piece.tokens;
      beginning += piece.text;
      expect([beginning, cost]).toEqual([beginning, countTokens(beginning)]);
    }
    expect(beginning).toBe(text);
  }
});

test.for(texts)('%j: cut anywhere, it is a beginning in whole characters within the limit', (text) => {
  for (let limit = 0; limit <= countTokens(text); limit += 1) {
    const cut = cutToTokens(text, limit);
    expect(text.startsWith(cut)).toBe(true);
    expect(countTokens(cut)).toBeLessThanOrEqual(limit);
  }
  expect(cutToTokens(text, 10_000)).toBe(text);
});

test('a megabyte in one word is counted in a moment', { timeout: 5_000 }, () => {
  expect(countTokens('x'.repeat(1_000_000))).toBeGreaterThan(100_000);
  expect(countTokens(' '.repeat(1_000_000))).toBeGreaterThan(1_000);
});
