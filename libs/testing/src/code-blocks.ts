// The fenced code blocks of a Markdown document, with what stands above them about running them.

export interface CodeBlock {
  readonly document: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
  /** The word after the opening fence; empty for none. */
  readonly language: string;
  readonly text: string;
  /** Of `<!-- not run: REASON -->` on the line above; undefined without one. */
  readonly notRun: string | undefined;
  /** The nearest heading above. */
  readonly heading: string;
}

const FENCE = /^```(\S*)\s*$/;
const NOT_RUN = /^<!-- not run: (.+) -->$/;
const HEADING = /^#+ (.+)$/;

export function codeBlocks(document: string, text: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { line: number; language: string; notRun: string | undefined; lines: string[] } | undefined;
  let heading = '';
  let above = '';
  text.split('\n').forEach((line, i) => {
    const fence = FENCE.exec(line);
    if (open === undefined) {
      if (fence !== null) open = { line: i + 1, language: fence[1] ?? '', notRun: NOT_RUN.exec(above)?.[1], lines: [] };
      heading = HEADING.exec(line)?.[1] ?? heading;
      if (line.trim() !== '') above = line.trim();
    } else if (fence?.[1] === '') {
      const { lines, ...rest } = open;
      blocks.push({ document, ...rest, text: lines.join('\n'), heading });
      open = undefined;
      above = '';
    } else open.lines.push(line);
  });
  if (open !== undefined) throw new Error(`${document}:${open.line}: the code block never closes`);
  return blocks;
}

/** Lines of a shell block without comments, continued ones joined; what `&&` joins apart. */
export function shellCommands(text: string): string[] {
  return text
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => withoutComment(line).trim())
    .flatMap((line) => line.split(' && '))
    .filter((line) => line !== '');
}

/** A shell's rule: # begins a comment at the beginning of a word, outside of quotes. */
function withoutComment(line: string): string {
  const match = /^(?:'[^']*'|"(?:\\.|[^"\\])*"|[^'"#\s]#*|\s(?!#))*/.exec(line);
  return match?.[0] ?? line;
}

/** The words of a command as a POSIX shell reads them, without expansions. */
export function shellWords(command: string): string[] {
  const words: string[] = [];
  for (const [word] of command.matchAll(/(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+/g)) {
    words.push(
      word.replace(/'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g, (_all, single, double, escaped) =>
        single !== undefined ? single : double !== undefined ? double.replace(/\\(["\\$`])/g, '$1') : escaped,
      ),
    );
  }
  return words;
}
