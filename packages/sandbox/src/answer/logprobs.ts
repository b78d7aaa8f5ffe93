import { seededRandom } from './seeded-random.ts';

interface Logprob {
  token: string;
  logprob: number;
  bytes: number[];
}

export interface TokenLogprob extends Logprob {
  top_logprobs: Logprob[];
}

const others = [' the', ' a', ' of', ' bear', '.', ' and', ' to', ' in', '\n', ' is'] as const;

/** How sure a model would be of each piece of its text, with the `top` likeliest in its place; the piece comes first. */
export function toLogprobs(pieces: readonly { text: string }[], top: number): TokenLogprob[] {
  return pieces.map(({ text }) => {
    const chosen = toLogprob(text, -seededRandom(text)() / 2);
    const rivals = others.filter((other) => other !== text).map((other, rank) => toLogprob(other, -1 - rank));
    return { ...chosen, top_logprobs: [chosen, ...rivals].slice(0, top) };
  });
}

function toLogprob(token: string, logprob: number): Logprob {
  return { token, logprob, bytes: [...Buffer.from(token)] };
}
