import { afterEach, expect, onTestFinished, test } from 'vitest';
import { countTokens } from './count-tokens.ts';
import { createTokenCounter } from './token-counter.ts';
import { tokensAtMost } from './tokens-at-most.ts';

const opened: ReturnType<typeof createTokenCounter>[] = [];
afterEach(() => Promise.all(opened.splice(0).map((counter) => counter.close())));

function open(options?: Parameters<typeof createTokenCounter>[0]) {
  const counter = createTokenCounter(options);
  opened.push(counter);
  return counter;
}

/** How often the event loop comes round; a loop that is held up comes round not at all. */
function countTurns() {
  let turns = 0;
  let pending = setImmediate(function turn() {
    turns += 1;
    pending = setImmediate(turn);
  });
  onTestFinished(() => clearImmediate(pending));
  return () => turns;
}

const prose = 'The bear, who was 12 years old, didn’t like the honey. ';

test.for([
  ['', 0],
  ['hello world', 2],
  // As OpenAI's cookbook counts them in o200k_base.
  ['tiktoken is great!', 6],
  ['antidisestablishmentarianism', 6],
  ['2 + 2 = 4', 7],
  ['お誕生日おめでとう', 8],
  // Text like any other: it is no end of anything.
  ['<|endoftext|>', 7],
] as const)('%j is %i tokens', async ([text, tokens]) => {
  expect(await open().count([text])).toBe(tokens);
});

test('texts are counted each for itself', async () => {
  expect(await open().count(['hello', ' world', '', 'hello world'])).toBe(4);
});

test.for([
  ['a million characters of prose', prose.repeat(Math.ceil(1_000_000 / prose.length)), 200_000, 300_000],
  ['a million characters without a break', 'x'.repeat(1_000_000), 100_000, 150_000],
  ['a short text, before anything is loaded', prose, 10, 20],
] as const)('%s: the event loop goes on while they are counted', async ([, text, least, most]) => {
  const turns = countTurns();
  const tokens = await open().count([text]);
  // Counted on the loop itself, or loading there what counts, it would have come round once or twice.
  expect(turns()).toBeGreaterThan(100);
  expect(tokens).toBeGreaterThan(least);
  expect(tokens).toBeLessThan(most);
});

test('a small text does not wait for a large one', async () => {
  const counter = open();
  await counter.count([prose]);
  const ended: string[] = [];
  const large = counter.count(['x'.repeat(1_000_000)]).then(() => ended.push('large'));
  await counter.count([prose]).then(() => ended.push('small'));
  await large;
  expect(ended).toEqual(['small', 'large']);
});

test('when too much is waiting, a text counts as much as it may be, and its turn comes again', async () => {
  const counter = open({ charactersWaitingMax: 100 });
  const text = '蜂蜜'.repeat(30);
  const [inHand, waiting, alsoWaiting, tooMuch] = [1, 2, 3, 4].map(() => counter.count([text]));
  const exact = countTokens([text]);
  expect(await tooMuch).toBe(180);
  expect(await Promise.all([inHand, waiting, alsoWaiting])).toEqual([exact, exact, exact]);
  expect(exact).toBeLessThan(180);
  expect(await counter.count([text])).toBe(exact);
});

test('a counter that is closed rejects what it has not counted, and what comes later', async () => {
  const counter = open();
  const pending = Promise.allSettled([counter.count(['x'.repeat(1_000_000)]), counter.count([prose])]);
  await counter.close();
  expect((await pending).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(counter.count([prose])).rejects.toThrow('closed');
});

test.for(['', 'hello world', '🐻‍❄️ 蜂蜜', '\ud83d', '\u0000\u{10ffff}', 'ᄀ'.repeat(300), ' \n\t'.repeat(200)])(
  '%j has no more tokens than bytes',
  (text) => {
    expect(countTokens([text])).toBeLessThanOrEqual(tokensAtMost([text]));
  },
);
