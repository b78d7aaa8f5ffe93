import type { Chunk, ChunkChoice, Whole } from './chunk.ts';

/** A text completion as the chunks that it could have come in, without its usage: one for every choice. */
export const completionChunksOf = ({ choices, usage: _usage, ...head }: Whole): Chunk[] =>
  ((choices ?? []) as ChunkChoice[]).map((choice) => ({ ...head, choices: [choice] }));
