// Model versions as models.v1 tells of them: which there are, which were judged and found wanting, and which retention
// has deleted. No rollout or experiment begins with one that nobody announced, for its load would be waited for in vain
// while others wait, nor with one whose package goes; one that is not blessed takes somebody who says so, each time
// that it is to have traffic anew. One that has some stays, whatever is said of it. Memory: a few words for each
// version, `GONE_MAX` numbers of deleted ones a project.

import type { ModelVersion } from '@millrace/contracts';
import {
  type Decision,
  type ExpectedScores,
  type RejectionReason,
  type Route,
  type RouteCommand,
  runningExperiment,
} from '@millrace/routing';

/** As many model versions as the trainer remembers of a project. */
const GONE_MAX = 10_000;
/** Of the newest, in a refusal. */
const NAMED_MAX = 5;

type VersionFault = Extract<Decision, { kind: 'rejected' }>;

type Announced = Pick<
  ModelVersion,
  'project' | 'version' | 'blessed' | 'evaluation' | 'verdict' | 'createdAtMs' | 'championVersion' | 'championScores'
>;

/** What the owner of routes and who asks it know of versions. */
export interface VersionKnowledge extends Pick<KnownVersions, 'fault' | 'isGone'> {
  /** Resolves when everything is known that was announced or deleted before. */
  upToNow(): Promise<void>;
}

interface Known {
  /** The verdict of one that was judged and is not blessed, else ''. */
  wanting: string;
  createdAtMs: number;
  /** What it was compared with when it was judged; 0 = nothing. */
  champion: number;
  /** How far the scores of both lay apart; undefined: it was not said. */
  distance: ModelVersion['championScores'];
}

interface Versions {
  announced: Map<number, Known>;
  gone: Set<number>;
}

export class KnownVersions {
  private readonly projects = new Map<string, Versions>();

  /** `createdAtMs`: of a project; a version that is older is of a deleted one of its name. */
  constructor(private readonly createdAtMs: (project: string) => number) {}

  /** Or again. */
  announced(model: Announced): void {
    const { project, version, blessed, evaluation, verdict, createdAtMs } = model;
    const { announced, gone } = this.of(project);
    const isJudged = evaluation !== undefined;
    const wanting = blessed || !isJudged ? '' : verdict || `version ${version} is not blessed`;
    announced.set(version, { wanting, createdAtMs, champion: model.championVersion, distance: model.championScores });
    gone.delete(version);
  }

  gone(project: string, version: number): void {
    const { announced, gone } = this.of(project);
    announced.delete(version);
    gone.add(version);
    if (gone.size > GONE_MAX) gone.delete(Math.min(...gone));
  }

  isGone(project: string, version: number): boolean {
    return this.projects.get(project)?.gone.has(version) === true;
  }

  /**
   * How far the scores of a version may lie from those of another, by its evaluation; undefined: nobody has announced
   * it, which may be a matter of moments.
   */
  expectedScores(project: string, version: number, against: number): ExpectedScores | undefined {
    if (this.isGone(project, version)) return unknownScores(`version ${version} was deleted`);
    const known = this.announcedOf(project, version);
    if (known === undefined) return undefined;
    const { champion, distance } = known;
    if (champion === 0) return unknownScores(`version ${version} was compared with no other when it was judged`);
    if (champion !== against) {
      const other = `version ${version} was compared with version ${champion} when it was judged`;
      return unknownScores(`${other}, not with version ${against}`);
    }
    if (distance !== undefined) return { kind: 'evaluated', distance };
    const untold = `the evaluation of version ${version} does not say how far its scores lie from version ${champion}'s`;
    return unknownScores(`${untold} (an earlier release, or one of both was not trained here)`);
  }

  /** undefined: nobody announced it, or it is deleted. */
  createdAtMsOf(project: string, version: number): number | undefined {
    return this.projects.get(project)?.announced.get(version)?.createdAtMs;
  }

  /**
   * Why the version does not begin a rollout, is no arm of an experiment, or gets no traffic by a command that takes no
   * force; undefined: it may. `route`: the project's.
   */
  fault({ project, action }: Pick<RouteCommand, 'project' | 'action'>, route: Route): VersionFault | undefined {
    if (action?.kind === 'startRollout') return this.faultOf(project, action.version, action.force === true);
    if (action?.kind === 'promote') return this.unblessed(project, [action.version], route);
    if (action?.kind === 'setWeights')
      return this.unblessed(
        project,
        action.weights.flatMap(({ version, weight }) => (weight > 0 ? version : [])),
        route,
      );
    if (action?.kind !== 'startExperiment') return undefined;
    const faults = action.arms.map(({ version }) => this.faultOf(project, version, action.force === true));
    return faults.find((fault) => fault !== undefined);
  }

  private faultOf(project: string, version: number, force: boolean): VersionFault | undefined {
    if (this.isGone(project, version)) return refused('version_deleted', deletedMessage(project, version));
    const known = this.announcedOf(project, version);
    if (known === undefined) return refused('unknown_version', this.unknownMessage(project, version));
    if (known.wanting === '' || force) return undefined;
    return refused('not_blessed', `${known.wanting}; to roll it out all the same takes force, and who asks for it`);
  }

  /**
   * Consent to a version that is not blessed ends with what it was given to: one that is loaded still, after an abort
   * or as a shadow, gets traffic by another rollout only. One that has traffic, or is the one to go back to, had its
   * own.
   */
  private unblessed(project: string, versions: readonly number[], route: Route): VersionFault | undefined {
    const mayServe = consentedTo(route);
    for (const version of versions) {
      const { wanting = '' } = this.announcedOf(project, version) ?? {};
      if (wanting === '' || mayServe.includes(version)) continue;
      const again = `millrace rollout start ${project} ${version} --force --by NAME`;
      return refused('not_blessed', `${wanting}; it has no traffic, and to give it some takes "${again}"`);
    }
    return undefined;
  }

  /** undefined: nobody announced it, or that was of a deleted project of the name. */
  private announcedOf(project: string, version: number): Known | undefined {
    const known = this.projects.get(project)?.announced.get(version);
    return known === undefined || known.createdAtMs < this.createdAtMs(project) ? undefined : known;
  }

  private unknownMessage(project: string, version: number): string {
    const since = this.createdAtMs(project);
    const there = [...(this.projects.get(project)?.announced ?? [])]
      .flatMap(([number, { createdAtMs }]) => (createdAtMs < since ? [] : number))
      .sort((a, b) => b - a);
    if (there.length === 0) return `${project} has no model version yet`;
    const more = there.length > NAMED_MAX ? ', …' : '';
    return `${project} has no version ${version}; there are ${there.slice(0, NAMED_MAX).join(', ')}${more}`;
  }

  private of(project: string): Versions {
    const known = this.projects.get(project) ?? { announced: new Map(), gone: new Set() };
    this.projects.set(project, known);
    return known;
  }
}

/** One that is not known may have been announced a moment ago: it is asked for then. */
export async function versionFault(
  command: Pick<RouteCommand, 'project' | 'action'>,
  versions: VersionKnowledge,
  route: () => Route,
): Promise<VersionFault | undefined> {
  const fault = versions.fault(command, route());
  if (fault?.reason !== 'unknown_version') return fault;
  await versions.upToNow();
  return versions.fault(command, route());
}

/** Whom somebody or a verdict has let serve: who has traffic, who had it before, and what is being rolled out. */
function consentedTo(route: Route): number[] {
  const { targets, previousVersion, rollout } = route;
  const { phase, version, steps } = rollout;
  const isUnderWay = phase === 'loading' || phase === 'ready' || phase === 'progressing';
  const arms = runningExperiment(route)?.arms ?? [];
  const serving = [...targets, ...arms, ...(steps?.baseline ?? [])].map((one) => one.version);
  return [...serving, previousVersion, ...(isUnderWay ? [version] : [])];
}

export const deletedMessage = (project: string, version: number): string =>
  `version ${version} of ${project} was deleted by the project's retention: roll out another one`;

const unknownScores = (why: string): ExpectedScores => ({ kind: 'unknown', why });

const refused = (reason: RejectionReason, message: string): VersionFault => ({ kind: 'rejected', reason, message });
