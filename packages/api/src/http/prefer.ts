/** What a `Prefer` header asks for (RFC 7240), as far as we know it. Unknown preferences are ignored, as it demands. */
export interface Preferences {
  respondAsync: boolean;
  /** Seconds that the client is ready to wait. */
  waitS?: number;
  /** The client would rather be refused than have its request read with goodwill. */
  isStrict?: boolean;
}

export function parsePrefer(header: string | undefined): Preferences {
  const preferences: Preferences = { respondAsync: false };
  for (const part of (header ?? '').toLowerCase().split(',')) {
    const [name = '', value = ''] = part.split(';')[0]?.split('=') ?? [];
    if (name.trim() === 'respond-async') preferences.respondAsync = true;
    if (name.trim() === 'handling' && value.trim() === 'strict') preferences.isStrict = true;
    const seconds = value.trim().replaceAll('"', '');
    if (name.trim() === 'wait' && /^\d{1,9}$/.test(seconds)) preferences.waitS = Number(seconds);
  }
  return preferences;
}
