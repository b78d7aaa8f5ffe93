/** A script's flat list of field, value, … as the hash that it stands for. */
export function pairsToHash(parts: readonly string[]): Record<string, string> {
  const hash: Record<string, string> = {};
  for (let index = 0; index + 1 < parts.length; index += 2) hash[parts[index] ?? ''] = parts[index + 1] ?? '';
  return hash;
}
