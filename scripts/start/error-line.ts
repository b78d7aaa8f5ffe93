interface LogRecord {
  level: string;
  msg?: string;
  event?: string;
  code?: string;
  error?: unknown;
  err?: { message?: string };
}

export interface ErrorLine {
  text: string;
  /** Lines of one kind tell the same: the operator needs to see it now and then, not each time. */
  kind: string;
}

export const errorLevels = ['error', 'fatal'];

/** Of the requests that fail, those whose cause is the operator's to mend; the others are between client and provider. */
const operatorFailures = ['internal', 'dependency_down', 'provider_misconfigured', 'provider_quota_spent'];

/** A JSON log line of level error or fatal as one readable line; undefined for whatever the operator need not see. */
export function errorLine(line: string): ErrorLine | undefined {
  const record = parse(line);
  if (!record || !errorLevels.includes(record.level)) return;
  const isRequest = record.event === 'request_failed';
  if (isRequest && !operatorFailures.includes(record.code ?? '')) return;
  const text = sentence([record.msg ?? record.event, record.error, record.err?.message]) || line;
  return { text, kind: isRequest ? `request_failed ${record.code}` : text };
}

/** What was said, each thing once, as `cause: deeper cause`. */
function sentence(said: unknown[]): string {
  const parts = said
    .filter((part) => typeof part === 'string')
    .map((part) => part.replaceAll('\n', ' ').replace(/[\s.:]+$/, ''));
  return [...new Set(parts)].filter((part) => part !== '').join(': ');
}

function parse(line: string): LogRecord | undefined {
  if (!line.startsWith('{')) return;
  try {
    return JSON.parse(line) as LogRecord;
  } catch {
    return;
  }
}
