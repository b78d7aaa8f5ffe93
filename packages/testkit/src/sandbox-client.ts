import { waitFor } from './wait-for.ts';

/** What the sandbox charged, as its bill says. */
export interface Bill {
  calls: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  entries: {
    request_id: string | null;
    model: string;
    prompt_tokens: number;
    completion_tokens: number;
    outcome: string;
  }[];
}

/** A call that reached the sandbox, charged for or not. */
export interface SandboxCall {
  request_id: string | null;
  model: string;
  dialect: string;
  path: string;
  /** The members of the body, and of what arrived with it only names, some values, and the end of each credential. */
  parameters: string[];
  header_names: string[];
  headers: Record<string, string>;
  credentials: Record<string, string>;
  state: 'open' | 'ended';
  status: number | null;
  prompt_tokens: number;
  completion_tokens: number;
  cache_write_tokens: number;
  cache_read_tokens: number;
}

/** The same with what was asked; null when the sandbox remembers it no more. */
export type SandboxCallWithBody = SandboxCall & { body: Record<string, unknown> | null };

/** Reads the sandbox's books. */
export function createSandboxClient(url: string) {
  const read = async <T>(path: string, query: Record<string, string>): Promise<T> => {
    const response = await fetch(`${url}${path}?${new URLSearchParams(query)}`);
    return (await response.json()) as T;
  };
  const calls = async (query: Record<string, string> = {}) =>
    (await read<{ calls: SandboxCall[] }>('/sandbox/calls', query)).calls;
  return {
    bill: (query: Record<string, string> = {}) => read<Bill>('/sandbox/bill', query),
    calls,
    callsWithBodies: async (query: Record<string, string> = {}) =>
      (await calls({ ...query, bodies: 'true' })) as SandboxCallWithBody[],
    /** Resolves when the call of that number for a request is under way. */
    openCall: (requestId: string, number = 1) =>
      waitFor(
        async () => {
          const made = await calls({ request_id: requestId });
          return made.length >= number && made.at(-1)?.state === 'open';
        },
        { what: `call ${number} of ${requestId} is under way` },
      ),
  };
}

export type SandboxClient = ReturnType<typeof createSandboxClient>;
