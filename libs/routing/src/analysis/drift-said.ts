// An alarm of the monitor that rings for one version, as the analysis of its rollout hears of it (topic drift.v1). How
// drift is found, and when it rings, is libs/drift's and the monitor's.

export interface DriftSaid {
  /** A raw feature's name, or "@score". */
  readonly subject: string;
  readonly detector: string;
  readonly value: number;
  readonly threshold: number;
  /** Of the window that it rang for. */
  readonly rows: number;
  /** Processing time. */
  readonly saidAtMs: number;
}

/** "amount drifts (psi 0.31, rings at 0.2, of 900 rows)". */
export function driftWords(drifts: readonly DriftSaid[]): string {
  const figure = (value: number) => String(Number(value.toPrecision(3)));
  const words = drifts.map(
    ({ subject, detector, value, threshold, rows }) =>
      `${subject} drifts (${detector} ${figure(value)}, rings at ${figure(threshold)}, of ${rows} rows)`,
  );
  return words.length === 0 ? 'no drift' : words.join(', ');
}
