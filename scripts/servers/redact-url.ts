/** A URL fit for a screen or a log: who and what is hidden, where stays. */
export function redactUrl(address: string): string {
  if (!URL.canParse(address)) return '(not a URL)';
  const url = new URL(address);
  if (url.password) url.password = '***';
  for (const name of [...url.searchParams.keys()]) {
    if (/password/i.test(name)) url.searchParams.set(name, '***');
  }
  return url.href;
}
