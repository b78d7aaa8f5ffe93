/** No text has more tokens than bytes: every token of a byte-level encoding, as all of OpenAI's are, is one at least. */
export const tokensAtMost = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
