// What all routers counted of the rollouts under way: the newest word of each, added up. A router that died keeps what
// it said; one that started again counts from 0 under its new start and is another. Bounded: ROLLOUTS_MAX rollouts,
// ROUTERS_MAX words each; of one more the oldest goes, and with it what only that one had counted.

import { type EvidenceState, type RolloutLosses, VersionEvidence } from '@millrace/routing';
import { type RolloutId, WATCHED_MAX } from './evidence-book.js';

const ROLLOUTS_MAX = 2 * WATCHED_MAX;
/** Starts of routers within one rollout. */
const ROUTERS_MAX = 64;

/** A router's word, as it stands in the topic. */
export interface Word extends RolloutId {
  readonly router: string;
  readonly startedAtMs: number;
  readonly saidAtMs: number;
  readonly versions: readonly EvidenceState[];
}

export class GatheredEvidence {
  private readonly rollouts = new Map<string, { id: RolloutId; words: Map<string, Word> }>();

  /** Of a project: what was said before it belongs to another one of the name. */
  constructor(private readonly createdAtMs: (project: string) => number = () => 0) {}

  /** Nothing is kept of an older rollout than one that was heard of. */
  hear(word: Word): void {
    const { project, version, fromRevision } = word;
    const of = this.rollouts.get(project);
    const isOfBefore = of !== undefined && of.id.fromRevision > fromRevision && !this.isAnother(of.words, project);
    if (isOfBefore) return;
    const isSame = of?.id.fromRevision === fromRevision && of.id.version === version;
    const words = isSame ? of.words : new Map<string, Word>();
    const key = `${word.router}/${word.startedAtMs}`;
    const before = words.get(key);
    if (before !== undefined && before.saidAtMs > word.saidAtMs) return;
    putLast(words, key, word, ROUTERS_MAX);
    putLast(this.rollouts, project, { id: { project, version, fromRevision }, words }, ROLLOUTS_MAX);
  }

  /** `fromRevision`: unless another one of the project has been heard of since. */
  forget(project: string, fromRevision = this.rollouts.get(project)?.id.fromRevision): void {
    if (this.rollouts.get(project)?.id.fromRevision === fromRevision) this.rollouts.delete(project);
  }

  /** Revisions begin anew where a project was deleted and applied again. */
  private isAnother(words: ReadonlyMap<string, Word>, project: string): boolean {
    const createdAtMs = this.createdAtMs(project);
    return [...words.values()].every(({ saidAtMs }) => saidAtMs < createdAtMs);
  }

  /** All that the others said of a rollout; what `self` said is left out, it knows itself better. */
  of(rollout: RolloutId, self: { router: string; startedAtMs: number }): { routers: number; sum: EvidenceSum } {
    const sum: EvidenceSum = new Map();
    const of = this.rollouts.get(rollout.project);
    let routers = 0;
    if (of?.id.fromRevision !== rollout.fromRevision || of.id.version !== rollout.version) return { routers, sum };
    const createdAtMs = this.createdAtMs(rollout.project);
    for (const { router, startedAtMs, saidAtMs, versions } of of.words.values()) {
      if ((router === self.router && startedAtMs === self.startedAtMs) || saidAtMs < createdAtMs) continue;
      routers += 1;
      for (const state of versions) addTo(sum, VersionEvidence.fromState(state));
    }
    return { routers, sum };
  }
}

/** By version. */
export type EvidenceSum = Map<number, VersionEvidence>;

/** What routers counted of a version, with what labels said of it. */
export function withLosses(
  sum: ReadonlyMap<number, VersionEvidence>,
  losses: Pick<RolloutLosses, 'of' | 'entitiesOf'>,
) {
  return (version: number): VersionEvidence => {
    const evidence = sum.get(version) ?? new VersionEvidence(version);
    evidence.losses = losses.of(version);
    evidence.entityLosses = losses.entitiesOf(version);
    return evidence;
  };
}

export function addTo(sum: EvidenceSum, evidence: VersionEvidence): void {
  const total = sum.get(evidence.version) ?? new VersionEvidence(evidence.version);
  total.merge(evidence);
  sum.set(evidence.version, total);
}

/** As the newest of at most `max`. */
export function putLast<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > max && oldest !== undefined) map.delete(oldest);
}
