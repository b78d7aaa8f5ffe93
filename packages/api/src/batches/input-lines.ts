export interface InputLine {
  /** From 1; empty lines count. */
  number: number;
  /** Undefined when it is longer than allowed. */
  text: string | undefined;
}

const newline = 0x0a;
const byteOrderMark = /^\ufeff/;

/** The lines of a file that are not empty. No more than one of them is in memory, and none that is too long. */
export async function* readInputLines(
  content: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<InputLine, void> {
  let number = 1;
  let parts: Buffer[] = [];
  let bytes = 0;

  function add(part: Buffer): void {
    bytes += part.length;
    if (bytes <= maxBytes) parts.push(part);
    else parts = [];
  }

  function take(): InputLine | undefined {
    const text = bytes > maxBytes ? undefined : Buffer.concat(parts).toString('utf8').replace(byteOrderMark, '');
    const line = text?.trim() === '' ? undefined : { number, text };
    number += 1;
    parts = [];
    bytes = 0;
    return line;
  }

  for await (const chunk of content) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      add(chunk.subarray(start, end));
      start = end + 1;
      const line = take();
      if (line) yield line;
    }
    add(chunk.subarray(start));
  }
  const last = take();
  if (last) yield last;
}
