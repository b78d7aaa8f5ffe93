import { buildSandbox } from './app.ts';

export interface RunningSandbox {
  url: string;
  /** Ends every call that is still open, at once. */
  close(): Promise<void>;
}

/** Port 0 takes a free one. */
export async function startSandbox({ host, port }: { host: string; port: number }): Promise<RunningSandbox> {
  const app = buildSandbox();
  const url = await app.listen({ host, port });
  return { url, close: () => app.close() };
}
