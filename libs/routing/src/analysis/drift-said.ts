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
  /** Versions for which the same rang at the same time, be it over there by now: no fault of this one alone. */
  readonly commonWith: readonly number[];
}

/** "amount drifts (psi 0.31, rings at 0.2, of 900 rows)". `unknown`: subjects of which nobody knows whether they do. */
export function driftWords(drifts: readonly DriftSaid[], unknown: readonly string[]): string {
  const figure = (value: number) => String(Number(value.toPrecision(3)));
  const words = drifts.map(
    ({ subject, detector, value, threshold, rows, commonWith }) =>
      `${subject} drifts (${detector} ${figure(value)}, rings at ${figure(threshold)}, of ${rows} rows` +
      `${commonWith.map((version) => `, as for version ${version}`).join('')})`,
  );
  const notKnown = unknown.length === 0 ? [] : [`not known whether ${unknown.join(', ')} drifts`];
  const all = [...words, ...notKnown];
  return all.length === 0 ? 'no drift' : all.join(', ');
}
