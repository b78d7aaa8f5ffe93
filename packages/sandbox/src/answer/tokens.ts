import { countTokens as countEncoded, decode, encode } from 'gpt-tokenizer/encoding/o200k_base';

/** Text as it leaves in one chunk of a stream, with what it costs. */
interface Piece {
  text: string;
  tokens: number;
}

// A prompt may hold `<|endoftext|>` as plain text; the library throws on it unless told that nothing is special.
const plainText = { disallowedSpecial: new Set<string>() };

// The library's merge is quadratic in one unbroken run of characters: a million times 'x' took 294 s (gpt-tokenizer
// 4.0.0). A text with such a run is counted in windows, at most one token too many for each of them.
const RUN_MAX = 256;
const longRun = /\S{257}|\s{257}/u;
const windows = new RegExp(`[\\s\\S]{1,${RUN_MAX}}`, 'gu');

export function countTokens(text: string): number {
  if (!longRun.test(text)) return countEncoded(text, plainText);
  return (text.match(windows) ?? []).reduce((sum, part) => sum + countEncoded(part, plainText), 0);
}

/** The longest beginning of `text` that counts no more than `tokensMax` and ends on a whole character. */
export function cutToTokens(text: string, tokensMax: number): string {
  const parts = textsOfTokens(text);
  if (parts.length <= tokensMax) return text;
  let kept = Math.max(0, tokensMax);
  let cut = parts.slice(0, kept).join('');
  // Without what followed it, a beginning may be split into other tokens, and into more of them.
  while (countTokens(cut) > tokensMax) {
    kept -= 1;
    cut = parts.slice(0, kept).join('');
  }
  return cut;
}

/**
 * Splits on token boundaries, `tokensEach` at a time; joined again the pieces are the text and its token count. So is
 * every beginning: a stream that is cut off has cost what its text counts, for whoever counts it. For that a piece ends
 * neither within a character, whose first tokens nobody sees, nor in white space, which is split by what follows it.
 */
export function splitIntoPieces(text: string, tokensEach: number): Piece[] {
  const pieces: Piece[] = [];
  let piece: Piece = { text: '', tokens: 0 };
  for (const part of textsOfTokens(text)) {
    piece = { text: piece.text + part, tokens: piece.tokens + 1 };
    if (piece.tokens < tokensEach || part === '' || /\s$/u.test(part)) continue;
    pieces.push(piece);
    piece = { text: '', tokens: 0 };
  }
  return piece.tokens > 0 ? [...pieces, piece] : pieces;
}

/**
 * What each token adds; nothing, while it only begins a character (most emoji span two tokens).
 * The library decodes with one streaming decoder for the whole process, which keeps a character that has begun for
 * whoever decodes next: so a text is always decoded to its end, token by token, without a pause.
 */
function textsOfTokens(text: string): string[] {
  return encode(text, plainText).map((id) => decode([id]));
}
