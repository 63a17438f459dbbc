// The live dataset versions that a loop knows: what a retraining may learn from. Pure.

/** What is kept of a dataset version; newest last, at most `KNOWN_VERSIONS_MAX`. */
export interface KnownDataset {
  id: string;
  ordinal: number;
  /** The ordinal of the version that first had its rows; 0, or not there (a state of an earlier release) = itself. */
  rowsOf?: number;
  windowStartMs: number;
  windowEndMs: number;
  labelledRows: number;
}

export interface DatasetsKnown {
  readonly datasets: readonly KnownDataset[];
}

export const rowsIn = (datasets: readonly { readonly labelledRows: number }[]): number =>
  datasets.reduce((sum, one) => sum + one.labelledRows, 0);

/** Live dataset versions remembered; a retraining uses at most `RetrainSpec.versions` of them, or `versionsMax`. */
export const KNOWN_VERSIONS_MAX = 256;

export function rememberDataset<S extends DatasetsKnown>(state: S, dataset: KnownDataset): S {
  if (state.datasets.some((known) => known.id === dataset.id)) return state;
  // The same rows with labels that came late stand in the place of the version that lacks them.
  const rowsOf = (known: KnownDataset) => known.rowsOf || known.ordinal;
  const hasItsRows = (known: KnownDataset) => rowsOf(known) === rowsOf(dataset);
  if (state.datasets.some((known) => hasItsRows(known) && known.ordinal > dataset.ordinal)) return state;
  const others = state.datasets.filter((known) => !hasItsRows(known));
  const datasets = [...others, dataset]
    .sort((a, b) => a.windowEndMs - b.windowEndMs || a.ordinal - b.ordinal)
    .slice(-KNOWN_VERSIONS_MAX);
  // One that is older than all that are kept is told with each reading of the topic.
  return datasets.every((known, i) => known === state.datasets[i]) ? state : { ...state, datasets };
}

export function forgetDataset<S extends DatasetsKnown>(state: S, gone: string): S {
  const datasets = state.datasets.filter(({ id }) => id !== gone);
  return datasets.length === state.datasets.length ? state : { ...state, datasets };
}
