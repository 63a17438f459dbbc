// Drift that was told and whose end nobody has told: what a loop has to answer, now or when it is calm again. A drift
// that a retraining did not mend is tried again with newer rows, each time after twice the pause, a few times; what was
// there when it began has been tried with it, whatever it was begun for. Pure.

import type { Cohort } from '@millrace/domain';

export interface OpenDrift {
  /** Of the drift event; its end names it. */
  readonly eventId: string;
  readonly correlationId: string;
  readonly feature: string;
  readonly detector: string;
  readonly value: number;
  readonly threshold: number;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  /** Whose reference it was measured against; 0 = of no one version. */
  readonly version: number;
  /** Retrainings on rows from after it that are over. */
  readonly tries: number;
  /** Processing time before which it begins none. */
  readonly againAtMs: number;
  /** Event time up to which the last of them had rows; 0 = there was none. */
  readonly dataThroughMs: number;
}

/** As a drift event tells it. */
export interface ToldDrift extends Omit<OpenDrift, 'version' | 'tries' | 'againAtMs' | 'dataThroughMs'> {
  readonly cohort: Cohort;
  /** Id of the event before of the same drift, whose version had no traffic meanwhile. */
  readonly continues?: string | undefined;
}

export interface DriftsKnown {
  /** Oldest first. */
  readonly openDrifts: readonly OpenDrift[];
  /** Event ids: a message that comes again after its end opens nothing. */
  readonly endedDrifts: readonly string[];
}

/** Of either; of more the oldest of a feature goes first: score and quality speak of the model itself. */
const DRIFTS_MAX = 512;
const PAUSE_MS_MIN = 60_000;
/** The longest pause before a drift is tried again. */
export const PAUSE_MS_MAX = 86_400_000;
/** Then a person has to look. */
export const TRIES_MAX = 6;

const UNTRIED: Pick<OpenDrift, 'tries' | 'againAtMs' | 'dataThroughMs'> = { tries: 0, againAtMs: 0, dataThroughMs: 0 };

/** The same state where it is known, or known to be over. */
export function remembered<S extends DriftsKnown>(state: S, told: ToldDrift): S {
  const { cohort, continues, ...drift } = told;
  const isKnown = state.openDrifts.some(({ eventId }) => eventId === drift.eventId);
  if (isKnown || state.endedDrifts.includes(drift.eventId)) return state;
  const version = cohort.version === 'all' ? 0 : cohort.version;
  // Of a subject and a version the newest event stands for all.
  const isSame = (one: OpenDrift) => one.feature === drift.feature && one.version === version;
  const others = state.openDrifts.filter((one) => !isSame(one));
  // It goes on where its version serves again: what was tried for it was tried, and its first event has no end.
  const before = state.openDrifts.find((one) => isSame(one) && one.eventId === continues);
  const { tries, againAtMs, dataThroughMs } = before ?? UNTRIED;
  const endedDrifts = before === undefined ? state.endedDrifts : withEnded(state, before.eventId);
  const { eventId, correlationId, feature, detector, value, threshold, windowStartMs, windowEndMs } = drift;
  const open: OpenDrift = {
    ...{ eventId, correlationId, feature, detector, value, threshold, windowStartMs, windowEndMs, version },
    ...{ tries, againAtMs, dataThroughMs },
  };
  return { ...state, openDrifts: bounded([...others, open]), endedDrifts };
}

function bounded(drifts: readonly OpenDrift[]): readonly OpenDrift[] {
  if (drifts.length <= DRIFTS_MAX) return drifts;
  const feature = drifts.findIndex((one) => !one.feature.startsWith('@'));
  return drifts.filter((_, i) => i !== Math.max(0, feature));
}

/** The same state where it is not open. */
export function withoutDrift<S extends DriftsKnown>(state: S, eventId: string): S {
  if (!state.openDrifts.some((one) => one.eventId === eventId)) return state;
  return {
    ...state,
    openDrifts: state.openDrifts.filter((one) => one.eventId !== eventId),
    endedDrifts: withEnded(state, eventId),
  };
}

const withEnded = ({ endedDrifts }: DriftsKnown, eventId: string): readonly string[] =>
  [...endedDrifts, eventId].slice(-DRIFTS_MAX);

/** A retraining is over, whatever came of it: of all drift of the version that its rows are from after the begin of. */
export function tried<S extends DriftsKnown>(
  state: S,
  version: number,
  { nowMs, pauseMs, dataThroughMs }: { nowMs: number; pauseMs: number; dataThroughMs: number },
): S {
  const openDrifts = state.openDrifts.map((one): OpenDrift => {
    if ((one.version !== version && one.version !== 0) || one.windowStartMs >= dataThroughMs) return one;
    const waitsMs = Math.min(Math.max(pauseMs, PAUSE_MS_MIN) * 2 ** one.tries, PAUSE_MS_MAX);
    return { ...one, tries: one.tries + 1, againAtMs: nowMs + waitsMs, dataThroughMs };
  });
  return { ...state, openDrifts };
}

/** Versions that serve no more and are not gone back to have no drift that anybody would answer. */
export function ofServing<S extends DriftsKnown>(state: S, liveVersion: number, previousVersion: number): S {
  const openDrifts = state.openDrifts.filter(
    ({ version }) => version === 0 || version >= liveVersion || version === previousVersion,
  );
  return openDrifts.length === state.openDrifts.length ? state : { ...state, openDrifts };
}

/** Those that the version in service is to be retrained for, oldest first. `features`: none = all. */
export function driftsToAnswer(
  { openDrifts }: DriftsKnown,
  { liveVersion, features }: { liveVersion: number; features: readonly string[] },
): readonly OpenDrift[] {
  return openDrifts.filter(
    ({ version, feature }) =>
      (version === 0 || version === liveVersion) && (features.length === 0 || features.includes(feature)),
  );
}

/** Another retraining may help, as far as anybody knows. */
export const isTriable = ({ tries }: OpenDrift): boolean => tries < TRIES_MAX;
