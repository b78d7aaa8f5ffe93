const bytesPerNumber = 4;

/** An embedding in the encoding that was asked for, whichever its provider chose: base64 is of little-endian floats. */
export function encodeEmbedding(embedding: unknown, format: 'float' | 'base64'): unknown {
  if (format === 'base64' && Array.isArray(embedding)) return toBase64(embedding as number[]);
  if (format === 'float' && typeof embedding === 'string') return fromBase64(embedding);
  return embedding;
}

function toBase64(numbers: readonly number[]): string {
  const bytes = Buffer.alloc(numbers.length * bytesPerNumber);
  for (const [index, number] of numbers.entries()) bytes.writeFloatLE(number, index * bytesPerNumber);
  return bytes.toString('base64');
}

function fromBase64(text: string): number[] {
  const bytes = Buffer.from(text, 'base64');
  return Array.from({ length: Math.floor(bytes.length / bytesPerNumber) }, (_, index) =>
    bytes.readFloatLE(index * bytesPerNumber),
  );
}
