import { seededRandom } from './seeded-random.ts';

/** A unit vector that follows from the text; a shorter one is the beginning of a longer one, scaled again. */
export function embedText(text: string, dimensions: number): Float32Array {
  const random = seededRandom(text);
  const vector = Float32Array.from({ length: dimensions }, () => random() - 0.5);
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / length);
}
