interface LogRecord {
  level: string;
  msg?: string;
  event?: string;
  err?: { message?: string };
}

export const errorLevels = ['error', 'fatal'];

/** A JSON log line of level error or fatal as one readable line; undefined for every other line. */
export function errorLine(line: string): string | undefined {
  const record = parse(line);
  if (!record || !errorLevels.includes(record.level)) return;
  const said = [record.msg ?? record.event, record.err?.message].filter((part) => part !== undefined);
  return [...new Set(said)].join(': ').replaceAll('\n', ' ') || line;
}

function parse(line: string): LogRecord | undefined {
  if (!line.startsWith('{')) return;
  try {
    return JSON.parse(line) as LogRecord;
  } catch {
    return;
  }
}
