// Labels of one partition that came for windows that are over, or waited in vain for a row until theirs was: counted by
// window, so that the judge has it counted anew over the archive. Past WINDOWS_MAX windows the oldest go.

const WINDOWS_MAX = 1_000;

export type OverLabelsState = [startMs: number, labels: number][];

export class OverLabels {
  private readonly byWindow: Map<number, number>;

  constructor(state: OverLabelsState = []) {
    this.byWindow = new Map(state);
  }

  add(startMs: number, labels = 1): void {
    if (labels === 0) return;
    this.byWindow.set(startMs, (this.byWindow.get(startMs) ?? 0) + labels);
    if (this.byWindow.size > WINDOWS_MAX) this.byWindow.delete(Math.min(...this.byWindow.keys()));
  }

  state(): OverLabelsState {
    return [...this.byWindow];
  }
}
