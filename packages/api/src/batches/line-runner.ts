export interface SubmittedLine {
  batchId: string;
  tenantId: string;
  keyId?: string | undefined;
  userId: string;
  endpoint: string;
  number: number;
  customId: string;
  body: object;
}

export interface LineResult {
  status: number;
  /** In the endpoint's dialect. */
  body: object;
  requestId: string;
  finalState: string;
}

/** Runs a line of a batch as a job. */
export interface LineRunner {
  /**
   * Accepts a line as a background job of the lowest priority at the batch price; the same line again is the same job.
   * Throws `GatewayError` for one that its endpoint would refuse.
   */
  submit(line: SubmittedLine): Promise<{ jobId: string }>;
  /** Of these jobs, those that have ended or are gone. */
  ended(jobIds: readonly string[]): Promise<string[]>;
  /** What a waiting client would have been answered; undefined while the job runs, or when it is gone. */
  result(tenantId: string, jobId: string): Promise<LineResult | undefined>;
  cancel(tenantId: string, jobId: string): Promise<void>;
}
