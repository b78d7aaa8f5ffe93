import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type InputLine, readInputLines } from './input-lines.ts';

async function linesOf(chunks: readonly Buffer[], maxBytes = 1000): Promise<InputLine[]> {
  async function* content() {
    yield* chunks;
  }
  const lines: InputLine[] = [];
  for await (const line of readInputLines(content(), maxBytes)) lines.push(line);
  return lines;
}

const texts = (text: string, maxBytes?: number) => linesOf([Buffer.from(text)], maxBytes);

test('numbers every line and leaves out the empty ones, however they end', async () => {
  expect(await texts('\ufeffa\r\n\n  \nb\n')).toEqual([
    { number: 1, text: 'a\r' },
    { number: 4, text: 'b' },
  ]);
  expect(await texts('a\nb')).toEqual([
    { number: 1, text: 'a' },
    { number: 2, text: 'b' },
  ]);
  expect(await texts('')).toEqual([]);
});

test('says of a line that is too long that there is one, and goes on', async () => {
  expect(await texts(`${'x'.repeat(10)}\n${'y'.repeat(11)}\nz`, 10)).toEqual([
    { number: 1, text: 'x'.repeat(10) },
    { number: 2, text: undefined },
    { number: 3, text: 'z' },
  ]);
});

test('wherever a file is cut into chunks, its lines are the same', async () => {
  const file = fc
    .array(fc.constantFrom('a', 'ä', '😀', '\n', '\r\n', 'xyz'), { maxLength: 60 })
    .map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(file, fc.array(fc.nat(200), { maxLength: 12 }), async (text, cuts) => {
      const bytes = Buffer.from(text);
      const places = [
        0,
        ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((one, other) => one - other),
        bytes.length,
      ];
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      expect(await linesOf(chunks, 8)).toEqual(await texts(text, 8));
    }),
  );
});
