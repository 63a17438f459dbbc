// Labels that found neither a row nor an open window of theirs, by id: a prediction without an event time is filed
// under the time of its answer, and may be read a moment after its label. Past LABELS_MAX the oldest go. Kept in
// memory alone: what is lost with the process are labels that came within that moment.

const LABELS_MAX = 4_096;

export class EarlyLabels {
  private readonly labels = new Map<string, number>();

  /** The first label of an id counts. */
  add(id: string, label: number): void {
    if (this.labels.has(id)) return;
    this.labels.set(id, label);
    if (this.labels.size <= LABELS_MAX) return;
    const [oldest] = this.labels.keys();
    this.labels.delete(oldest as string);
  }

  take(id: string): number | undefined {
    const label = this.labels.get(id);
    this.labels.delete(id);
    return label;
  }
}
