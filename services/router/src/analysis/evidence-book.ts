// What this router counts of the rollouts under way: answers of each version, by project. Requests whose client
// chose the version by itself are left out, for nothing drew them. In a check one version answers and the other gets
// copies: then only requests that both were asked are counted, for both. Where no rollout is under way an answer
// costs one look at a number. Bounded: WATCHED_MAX projects, TARGETS_MAX versions each, 58 KiB a version.

import { firstScore } from '@millrace/inference';
import { type AimedCut, entityBucket, GRPC_STATUS, isFailure, VersionEvidence } from '@millrace/routing';

/** Projects with a rollout at the same time; of one more nothing is counted, and its analysis says so. */
export const WATCHED_MAX = 64;

/** Which rollout: `fromRevision` of the route in which its version got the first traffic. */
export interface RolloutId {
  readonly project: string;
  readonly version: number;
  readonly fromRevision: number;
}

interface Watched extends RolloutId {
  readonly versions: Map<number, VersionEvidence>;
  /** By requests that both were asked. */
  isCopied: boolean;
  /** Answers since it began; whether there is news is seen by it. */
  answers: number;
  /** By which answers are counted by entity. */
  cuts: readonly AimedCut[];
}

/** An answer to a request for which the route chose the version. */
export interface CountedAnswer {
  status: number;
  elapsedMs: number;
  response: Uint8Array;
  isStream: boolean;
  /** What the version was drawn by; of a request that both were asked its own id, for no entity meets one alone. */
  drawnBy: string;
}

export interface AnswerOf {
  version: number;
  answer: CountedAnswer;
}

export class EvidenceBook {
  private readonly projects = new Map<string, Watched>();

  /**
   * Counts these versions of a rollout from now on; one that is watched already goes on. False: there is no room.
   */
  watch(rollout: RolloutId, versions: readonly number[], isCopied = false): boolean {
    const { project, version, fromRevision } = rollout;
    const known = this.projects.get(project);
    const isSame = known?.fromRevision === fromRevision && known.version === version;
    if (!isSame && known === undefined && this.projects.size >= WATCHED_MAX) return false;
    const begun = { versions: new Map<number, VersionEvidence>(), answers: 0, cuts: [], isCopied };
    const watched: Watched = isSame ? known : { ...rollout, ...begun };
    watched.isCopied = isCopied;
    for (const one of versions) {
      if (watched.versions.has(one)) continue;
      const evidence = new VersionEvidence(one);
      evidence.entities.aim(watched.cuts);
      watched.versions.set(one, evidence);
    }
    this.projects.set(project, watched);
    return true;
  }

  /** From now on answers are counted by entity at these. */
  aim({ project }: RolloutId, cuts: readonly AimedCut[]): void {
    const watched = this.projects.get(project);
    if (watched === undefined) return;
    watched.cuts = cuts;
    for (const evidence of watched.versions.values()) evidence.entities.aim(cuts);
  }

  /** `fromRevision`: unless another one of the project has begun since. */
  forget(project: string, fromRevision = this.projects.get(project)?.fromRevision): void {
    if (this.projects.get(project)?.fromRevision === fromRevision) this.projects.delete(project);
  }

  watched(): string[] {
    return [...this.projects.keys()];
  }

  get isCounting(): boolean {
    return this.projects.size > 0;
  }

  answered(project: string, version: number, answer: CountedAnswer): void {
    const watched = this.projects.get(project);
    if (watched === undefined || watched.isCopied) return;
    this.add(watched, watched.versions.get(version), answer);
  }

  /** The answers of both versions to one request. */
  bothAnswered(project: string, live: AnswerOf, shadow: AnswerOf): void {
    const watched = this.projects.get(project);
    if (watched === undefined || !watched.isCopied) return;
    const [ours, theirs] = [watched.versions.get(live.version), watched.versions.get(shadow.version)];
    if (ours === undefined || theirs === undefined) return;
    this.add(watched, ours, live.answer);
    this.add(watched, theirs, shadow.answer);
  }

  private add(watched: Watched, evidence: VersionEvidence | undefined, answer: CountedAnswer): void {
    if (evidence === undefined) return;
    const { status, elapsedMs, response, isStream, drawnBy } = answer;
    const bucket = entityBucket(drawnBy);
    // Of an entity that asks for more than all others not every answer counts.
    if (!evidence.takes(bucket)) return;
    watched.answers += 1;
    evidence.add(isFailure(status), elapsedMs * 1_000, bucket);
    if (status !== GRPC_STATUS.OK) return;
    const score = firstScore(response, isStream);
    if (score !== undefined) evidence.addScore(score, bucket);
  }

  /** What was counted of a rollout; undefined where it is not this one that is watched. */
  of({ project, version, fromRevision }: RolloutId): { versions: VersionEvidence[]; answers: number } | undefined {
    const watched = this.projects.get(project);
    if (watched?.fromRevision !== fromRevision || watched.version !== version) return undefined;
    return { versions: [...watched.versions.values()], answers: watched.answers };
  }
}
