import { type Generation, partsOf } from '../contracts/generation.ts';

// Names of roles, types and models, ids and the like: what a message costs apart from its text covers them.
const shortMax = 64;

// Of sound, the dearest that is sent inline: 10 tokens a second (OpenAI, gpt-4o audio) of 4 KB of the most compressed
// speech, in base64.
const charactersPerBinaryToken = 500;

const binary = /^(?:data:[^,]{0,200},)?[A-Za-z0-9+/=_-]+$/;

/**
 * At most so many tokens are in what the client's own body says and its neutral form does not: parts of kinds that only one
 * provider knows. 0 for most, whose every text is in both.
 */
export function unseenTokens(generation: Generation): number {
  if (!generation.native) return 0;
  const said = sizesOf(leavesOf(generation.native.body));
  const seen = sizesOf(
    leavesOf([generation.system, generation.tools, generation.responseFormat, ...partsIn(generation)]),
  );
  const sound = Math.max(0, said.binary - seen.binary) / charactersPerBinaryToken;
  // No text has more tokens than bytes.
  return Math.max(0, said.text - seen.text) + Math.ceil(sound);
}

const partsIn = ({ messages }: Generation) => messages.flatMap(partsOf);

function* leavesOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null)
    for (const member of Object.values(value)) yield* leavesOf(member);
}

function sizesOf(leaves: Iterable<string>) {
  const sizes = { text: 0, binary: 0 };
  for (const leaf of leaves) {
    if (leaf.length <= shortMax) continue;
    if (leaf.length > 1000 && binary.test(leaf)) sizes.binary += leaf.length;
    else sizes.text += Buffer.byteLength(leaf);
  }
  return sizes;
}
