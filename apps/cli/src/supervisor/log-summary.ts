// The end of a log as a person reads it in an error message: JSON log lines become "level: message: error", stack
// traces and repetitions go.

const LINE_CHARS_MAX = 240;

interface LogLine {
  level?: unknown;
  message?: unknown;
  error?: unknown;
}

function readable(line: string): string | undefined {
  if (/^\s+at /.test(line) || line.trim() === '') return undefined;
  if (!line.startsWith('{')) return line;
  try {
    const { level, message, error } = JSON.parse(line) as LogLine;
    return [level, message, error].filter((part) => typeof part === 'string' && part !== '').join(': ');
  } catch {
    return line; // the first line may have lost its beginning
  }
}

/** @param text the end of a log; its first line may be cut */
export function summarise(text: string, lines: number): string {
  const found: string[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const shown = readable(line)?.slice(0, LINE_CHARS_MAX);
    if (shown !== undefined && !found.includes(shown)) found.push(shown);
  }
  return found.slice(-lines).join('\n');
}
