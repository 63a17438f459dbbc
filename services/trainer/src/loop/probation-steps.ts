// What a loop does with the probation of the version in service: begins it where a route shows the version, asks for
// one comparison after another as dataset versions close, and takes the version back where the one before it is better
// now. The arithmetic of it is in loop-probation.ts. Pure.

import {
  AGAIN_MS,
  begunProbation,
  compared,
  comparing,
  judged,
  nextToCompare,
  passed,
  postponed,
} from './loop-probation.js';
import { type LoopInput, type LoopPolicy, type LoopResult, type LoopState, same, step } from './loop-state.js';

/** A version has come into service in place of an older one. */
export function onProbation(
  state: LoopState,
  { byHand, correlationId }: { byHand: boolean; correlationId: string },
  policy: LoopPolicy,
  nowMs: number,
): LoopState {
  const { liveVersion: version, previousVersion: against, datasets } = state;
  // A state of an earlier release does not say what was learned from: at most all that there is.
  const taughtThroughMs = state.taughtThroughMs || Math.max(0, ...datasets.map(({ windowEndMs }) => windowEndMs));
  // One that an older version is put in place of was taken back.
  if (against >= version) return { ...state, probation: null };
  const facts = { version, against, correlationId, byHand, taughtThroughMs };
  return { ...state, probation: begunProbation(facts, policy.probation, nowMs) };
}

export function onCompared(
  state: LoopState,
  input: Extract<LoopInput, { kind: 'compared' | 'not_compared' }>,
  nowMs: number,
): LoopResult {
  const { probation } = state;
  // Another version is in service since.
  if (probation?.version !== input.version || probation.comparing !== input.datasetVersion) return same(state);
  if (input.kind === 'compared') return same({ ...state, probation: compared(probation, input.rows) });
  const { outcome, reason } = input;
  if (outcome === 'again') return same({ ...state, probation: postponed(probation, nowMs + AGAIN_MS, reason) });
  const isReplaced = state.datasets.every(({ id }) => id !== input.datasetVersion);
  if (outcome === 'skip')
    return same({ ...state, probation: isReplaced ? postponed(probation, 0, reason) : passed(probation, reason) });
  const { version, against } = probation;
  const message = `the probation of version ${version} is over: it cannot be compared with version ${against}: ${input.reason}`;
  return same(step({ ...state, probation: null }, nowMs, message));
}

/** After each input: what the probation says now, and what it asks for next. */
export function watchProbation(result: LoopResult, policy: LoopPolicy, nowMs: number): LoopResult {
  const { state, effects } = result;
  const { probation } = state;
  // While another version comes into service, by the loop or by hand, this one is about to leave it.
  const isLeaving = state.phase === 'rolling_out' || state.loadingVersion !== 0;
  if (probation === null || state.phase === 'stopped' || isLeaving) return result;
  if (policy.probation.forMs === 0) return { state: { ...state, probation: null }, effects };
  const judgement = judged(probation, policy.metric, nowMs);
  if (judgement.kind !== 'open') {
    const over: LoopState = { ...state, probation: null };
    if (judgement.kind === 'stays') return { state: step(over, nowMs, judgement.message), effects };
    return takenBack(over, probation, judgement.message, { effects, nowMs });
  }
  const next = nextToCompare(probation, state.datasets, nowMs);
  if (next === undefined) return result;
  const { version, against } = probation;
  const effect = { kind: 'compare' as const, version, against, datasetVersion: next.id, share: policy.probation.share };
  return { state: { ...state, probation: comparing(probation, next) }, effects: [...effects, effect] };
}

function takenBack(
  state: LoopState,
  { version, against, correlationId, byHand }: NonNullable<LoopState['probation']>,
  reason: string,
  { effects, nowMs }: { effects: LoopResult['effects']; nowMs: number },
): LoopResult {
  if (byHand) {
    const message = `${reason}. Version ${version} was put into service by hand: a rollback brings version ${against} back`;
    return { state: step(state, nowMs, message), effects };
  }
  if (state.previousVersion !== against) {
    const message = `${reason}. The route does not lead back to it: a rollout of version ${against} by hand does`;
    return { state: step(state, nowMs, message), effects };
  }
  const takingBack = { reason, correlationId, routeRevision: state.routeRevision, sinceMs: nowMs };
  return {
    state: step({ ...state, takingBack }, nowMs, `rolling back: ${reason}`),
    effects: [...effects, { kind: 'rollback', reason, correlationId, expectedRevision: state.routeRevision }],
  };
}
