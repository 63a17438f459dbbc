// Who has approved what the loop asks people about: a retraining (retrain.approval: manual) or the rollout of a
// blessed version (rollout.automatic: false). As many different people as `retrain.approvers` says; names are as
// they are told, nobody checks them here. What is not approved within `retrain.approvalExpires` is given up. Pure.

import type { AnsweredQuestion, Approval, AskedQuestion, LoopInput, LoopPolicy, LoopState } from './loop-state.js';

export interface Asked {
  /** Of one episode, or one version: what was approved before is not approved for the next. */
  key: string;
  kind: 'retraining' | 'rollout';
  /** "the retraining", "the rollout of version 3". */
  what: string;
  /** Processing time; 0 = nobody knows. */
  sinceMs: number;
}

/** Kept, newest last; the most that a project file may ask for, of both kinds. */
const APPROVALS_MAX = 32;

const retrainingKey = (episode: LoopState['episode']): string => `retraining ${episode?.id ?? ''}`;

/** People are asked about the retraining of the episode: anew, for each try of it has the same id. */
export function askedAnew(state: LoopState, nowMs: number): LoopState {
  const key = retrainingKey(state.episode);
  const approvals = state.approvals.filter((one) => one.key !== key);
  return { ...state, phase: 'approval', askedSinceMs: nowMs, approvals };
}

/** What people are asked about now; a retraining goes first. */
export function askedAbout(state: LoopState, { rolloutAutomatic }: Pick<LoopPolicy, 'rolloutAutomatic'>): Asked | null {
  const { phase, episode, waitingVersion, liveVersion } = state;
  if (phase === 'approval') {
    return { key: retrainingKey(episode), kind: 'retraining', what: 'the retraining', sinceMs: state.askedSinceMs };
  }
  const isWaiting = !rolloutAutomatic && waitingVersion > liveVersion;
  if (!isWaiting || phase === 'stopped' || phase === 'rolling_out') return null;
  const what = `the rollout of version ${waitingVersion}`;
  return { key: `rollout ${waitingVersion}`, kind: 'rollout', what, sinceMs: state.waitingSinceMs };
}

/** Names the question. A retraining that is tried again has its key, and is asked about anew. */
const questionOf = ({ key, sinceMs }: Asked): string => `${key} since ${sinceMs}`;

/** A word about another question than the one that is asked now. */
export const isOfAnother = (asked: Asked, about: string | undefined): boolean =>
  about !== undefined && about !== questionOf(asked);

/** The question ends without its approval. */
export function notApproved<S extends LoopState>(
  state: S,
  asked: Asked,
  { outcome, by = '', reason = '' }: Pick<AnsweredQuestion, 'outcome'> & { by?: string; reason?: string },
  atMs: number,
): S {
  const answered = { about: questionOf(asked), what: asked.what, outcome, by: by.trim(), reason, atMs };
  return { ...state, answered };
}

/** What people are asked, for whoever is to answer. */
export function askedView(state: LoopState, policy: LoopPolicy): AskedQuestion | null {
  const asked = askedAbout(state, policy);
  if (asked === null) return null;
  return {
    ...{ about: questionOf(asked), what: asked.what, sinceMs: asked.sinceMs },
    expiresAtMs: expiresAtMs(asked, policy.retrain),
    approvers: policy.retrain.approvers ?? 1,
    wanted: wantedOf(state, asked, policy.retrain),
    given: approvalsOf(state, asked).map(({ by, reason, atMs }) => ({ by, reason, atMs })),
  };
}

/** People are the same whose names differ in capitals, spaces around or the way that a letter is composed. */
const personOf = (name: string): string => name.normalize('NFKC').trim().toLowerCase();

const approvalsOf = ({ approvals }: LoopState, { key }: Asked): readonly Approval[] =>
  approvals.filter((one) => one.key === key);

/** People still wanted. */
export const wantedOf = (state: LoopState, asked: Asked, { approvers = 1 }: LoopPolicy['retrain']): number =>
  Math.max(0, approvers - approvalsOf(state, asked).length);

/** The same state where that person has approved it already. */
export function withApproval(
  state: LoopState,
  asked: Asked,
  { by, reason }: Pick<Extract<LoopInput, { kind: 'approve' }>, 'by' | 'reason'>,
  nowMs: number,
): LoopState {
  if (approvalsOf(state, asked).some((one) => personOf(one.by) === personOf(by))) return state;
  const approval: Approval = { key: asked.key, by: by.trim(), reason, atMs: nowMs };
  return { ...state, approvals: [...state.approvals, approval].slice(-APPROVALS_MAX) };
}

export const expiresAtMs = ({ sinceMs }: Asked, { approvalExpiresMs }: LoopPolicy['retrain']): number | null =>
  approvalExpiresMs === undefined || sinceMs === 0 ? null : sinceMs + approvalExpiresMs;

/** "a second person beside anna": whom it waits for. */
export function peopleWanted(state: LoopState, asked: Asked, retrain: LoopPolicy['retrain']): string {
  const wanted = wantedOf(state, asked, retrain);
  const names = approvalsOf(state, asked).map(({ by }) => by);
  if (names.length === 0) return wanted <= 1 ? 'a person' : `${wanted} people`;
  const who = wanted > 1 ? `${wanted} more people` : names.length === 1 ? 'a second person' : 'another person';
  return `${who} beside ${names.join(', ')}`;
}

/** Why a word of a person cannot be taken now; undefined = it can. */
export function wordFault(
  state: LoopState,
  policy: LoopPolicy,
  word: { kind: 'approve' | 'reject'; by: string; about?: string | undefined },
): string | undefined {
  const asked = askedAbout(state, policy);
  if (asked === null) return `nothing of ${policy.project} waits for an approval: its loop is ${state.phase}`;
  if (isOfAnother(asked, word.about))
    return `the loop asks another question by now: ${asked.what}. Look at it again, and answer that`;
  if (word.kind === 'reject' || withApproval(state, asked, { by: word.by, reason: '' }, 0) !== state) return undefined;
  const wanted = wantedOf(state, asked, policy.retrain);
  if (wanted === 0) return `${asked.what} is approved already`;
  return `${word.by.trim()} has approved ${asked.what} already: it waits for ${peopleWanted(state, asked, policy.retrain)}`;
}
