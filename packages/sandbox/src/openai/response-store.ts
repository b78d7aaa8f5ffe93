export interface StoredResponse {
  response: object;
  /** Of its prompt and its answer: what it adds to the prompt of a response that follows it. */
  tokens: number;
}

/** The last responses, for `GET /v1/responses/{id}` and `previous_response_id`. */
export interface ResponseStore {
  keep(id: string, stored: StoredResponse): void;
  find(id: string): StoredResponse | undefined;
}

export function createResponseStore({ responsesMax }: { responsesMax: number }): ResponseStore {
  const responses = new Map<string, StoredResponse>();
  return {
    keep(id, stored) {
      responses.set(id, stored);
      if (responses.size <= responsesMax) return;
      const oldest = responses.keys().next();
      if (!oldest.done) responses.delete(oldest.value);
    },
    find: (id) => responses.get(id),
  };
}
