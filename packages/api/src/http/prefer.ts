/** What a `Prefer` header asks for (RFC 7240), as far as we know it. Unknown preferences are ignored, as it demands. */
export interface Preferences {
  respondAsync: boolean;
  /** Seconds that the client is ready to wait. */
  waitS?: number;
  /** The client would rather be refused than have its request read with goodwill. */
  isStrict?: boolean;
  /** Of a job, the client needs no more than where it is found. */
  isMinimal?: boolean;
}

export function parsePrefer(header: string | undefined): Preferences {
  const said = new Map<string, string>();
  for (const part of (header ?? '').toLowerCase().split(',')) {
    const [name = '', value = ''] = part.split(';')[0]?.split('=') ?? [];
    // Of a preference that is given twice, the first counts.
    if (!said.has(name.trim())) said.set(name.trim(), value.trim().replaceAll('"', ''));
  }
  const seconds = said.get('wait') ?? '';
  return {
    respondAsync: said.has('respond-async'),
    ...(/^\d+$/.test(seconds) ? { waitS: Number(seconds) } : {}),
    ...(said.get('handling') === 'strict' ? { isStrict: true } : {}),
    ...(said.get('return') === 'minimal' ? { isMinimal: true } : {}),
  };
}
