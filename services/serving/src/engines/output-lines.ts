// What an engine process prints, as lines for the log: bounded in length and in lines per span of time, so that a model
// that prints for every row neither fills the log nor the memory. The last lines are kept to say why a process ended.

import type { Clock } from '@millrace/domain';

export const LINE_CHARS_MAX = 1_000;
export const LINES_MAX = 50;
const SPAN_MS = 10_000;
const LAST_LINES = 3;

export class OutputLines {
  private readonly decoder = new TextDecoder();
  private rest = '';
  private readonly kept: string[] = [];
  private spanEndMs = Number.NEGATIVE_INFINITY;
  private inSpan = 0;
  private hidden = 0;

  constructor(
    private readonly write: (line: string) => void,
    private readonly clock: Clock,
  ) {}

  push(chunk: Uint8Array): void {
    const lines = (this.rest + this.decoder.decode(chunk, { stream: true })).split('\n');
    this.rest = (lines.pop() as string).slice(0, LINE_CHARS_MAX);
    for (const line of lines) this.line(line);
  }

  /** Text after the last line end counts as a line, too. */
  end(): void {
    this.line(this.rest);
    this.rest = '';
    if (this.hidden > 0) this.write(`${this.hidden} more lines are not shown`);
    this.hidden = 0;
  }

  /** The last words, for the reason of an end; '' = none. */
  get last(): string {
    return this.kept.join(' | ');
  }

  private line(text: string): void {
    const line = text.trimEnd().slice(0, LINE_CHARS_MAX);
    if (line === '') return;
    this.kept.push(line);
    if (this.kept.length > LAST_LINES) this.kept.shift();
    const nowMs = this.clock.monotonicMs();
    if (nowMs >= this.spanEndMs) {
      if (this.hidden > 0) this.write(`${this.hidden} more lines are not shown`);
      this.spanEndMs = nowMs + SPAN_MS;
      this.inSpan = 0;
      this.hidden = 0;
    }
    if (this.inSpan < LINES_MAX) {
      this.inSpan++;
      this.write(line);
    } else this.hidden++;
  }
}
