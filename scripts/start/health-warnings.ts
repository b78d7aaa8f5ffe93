/** What the gateway itself finds amiss, such as a Redis that may drop jobs; it is in no log that anybody reads at a start. */
export async function healthWarnings(url: string): Promise<string[]> {
  try {
    const response = await fetch(`${url}/v1/health`, { signal: AbortSignal.timeout(5_000) });
    const { warnings } = (await response.json()) as { warnings?: string[] };
    return warnings ?? [];
  } catch {
    return []; // it runs and has said so: a start does not fail for want of advice
  }
}
