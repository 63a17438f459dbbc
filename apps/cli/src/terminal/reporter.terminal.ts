// Stages with a progress bar each on a terminal; plain lines (at most one a tenth) where the output is not one.

import type { Clock } from '@millrace/domain';
import cliProgress from 'cli-progress';
import type { Stage, Stages } from './stage.js';

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  /** Of a terminal. */
  columns?: number;
}

const NAME_WIDTH = 12;
/** A bar takes what a detail of the usual length leaves it on the line. */
const BAR = { min: 8, max: 28 };
const BESIDE_BAR = 2 + NAME_WIDTH + 1 + 6 + 46;
/** To the first column, and everything on the line away. */
const CLEAR_LINE = '\x1b[1G\x1b[2K';
const SILENT: Stage = { progress: () => undefined, done: () => undefined, fail: () => undefined };

export class Reporter implements Stages {
  /** Seconds by stage, in order of their start. */
  readonly seconds: Record<string, number> = {};
  private readonly open = new Set<View>();
  private closed = false;

  constructor(
    private readonly output: Output,
    private readonly clock: Clock,
  ) {}

  /** Above the bars that are running: the line of the one that was drawn last is cleared, and it is drawn below. */
  line(text: string): void {
    const isBarThere = [...this.open].some((view) => view.isDrawn);
    this.output.write(`${isBarThere ? CLEAR_LINE : ''}${text}\n`);
  }

  /** Ends every running bar (its timer would keep the process alive) and shows no stage any more; lines still come. */
  close(): void {
    this.closed = true;
    for (const view of this.open) view.end();
    this.open.clear();
  }

  stage(name: string, title: string): Stage {
    const startedMs = this.clock.monotonicMs();
    if (this.closed) return SILENT;
    const view = this.output.isTTY
      ? new BarView(name, title, this.output.columns)
      : new LineView(name, title, this.output);
    this.open.add(view);
    const end = (mark: string, detail: string) => {
      // Ended before, by `close`.
      if (!this.open.delete(view)) return;
      const seconds = (this.clock.monotonicMs() - startedMs) / 1_000;
      this.seconds[name] = Math.round(seconds * 100) / 100;
      view.end();
      this.line(`${mark} ${name.padEnd(NAME_WIDTH)} ${detail} (${seconds.toFixed(1)} s)`);
    };
    return {
      progress: (done, total, detail = '') => {
        if (this.open.has(view)) view.progress(done, total, detail);
      },
      done: (detail) => end('✔', detail),
      fail: (detail) => end('✘', detail),
    };
  }
}

interface View {
  /** Something of it stands on the line that the cursor is on. */
  readonly isDrawn: boolean;
  progress(done: number, total: number, detail: string): void;
  end(): void;
}

class BarView implements View {
  private readonly bar: cliProgress.SingleBar;
  private started = false;

  get isDrawn(): boolean {
    return this.started;
  }

  constructor(
    name: string,
    private readonly title: string,
    columns = Number.POSITIVE_INFINITY,
  ) {
    this.bar = new cliProgress.SingleBar(
      {
        format: `  ${name.padEnd(NAME_WIDTH)} {bar} {percentage}% {detail}`,
        hideCursor: true,
        clearOnComplete: true,
        barsize: Math.min(BAR.max, Math.max(BAR.min, columns - BESIDE_BAR)),
        fps: 8,
      },
      cliProgress.Presets.shades_classic,
    );
  }

  progress(done: number, total: number, detail: string): void {
    if (!this.started) {
      this.started = true;
      this.bar.start(Math.max(1, total), done, { detail: detail || this.title });
      return;
    }
    this.bar.setTotal(Math.max(1, total));
    this.bar.update(Math.min(done, total), { detail: detail || this.title });
  }

  end(): void {
    if (this.started) this.bar.stop();
  }
}

class LineView implements View {
  readonly isDrawn = false;
  private tenth = -1;

  constructor(
    private readonly name: string,
    title: string,
    private readonly output: Output,
  ) {
    output.write(`· ${name.padEnd(NAME_WIDTH)} ${title}\n`);
  }

  progress(done: number, total: number, detail: string): void {
    const tenth = Math.floor((10 * done) / Math.max(1, total));
    if (tenth <= this.tenth || tenth === 0) return;
    this.tenth = tenth;
    this.output.write(`  ${this.name.padEnd(NAME_WIDTH)} ${String(tenth * 10).padStart(3)} % ${detail}\n`);
  }

  end(): void {}
}
