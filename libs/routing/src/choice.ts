// Which version answers one request, by rules about its headers, else by the split, and who gets a copy. Everything is
// computed when the route changes: a choice is a hash and a walk over the split's bounds, another hash where there are
// shadows, gives an object that all requests of a target share, and allocates nothing. While a rollout is in steps its
// version is drawn first, by the salt of that rollout: other entities meet each new version first, a step only adds to
// those who have it, and all others stay as they were split before. While an experiment runs, who takes part in it has
// the version of its arm (experiment-draw.ts), an entity always the same one.

import { drawnBy } from './analysis/entity-buckets.js';
import { type Drawn, ExperimentDraw, splitNumber } from './experiment-draw.js';
import { type Headers, Matches, type MatchRule } from './matches.js';
import { type RolloutDraw, type Route, runningExperiment, type Share } from './route.js';
import { isCopied, shadowSalt } from './shadows.js';
import { BUCKETS, bucketOf, makeSplit, placeOf, projectSalt, type Split } from './split.js';

export interface Choice {
  readonly kind: 'chosen';
  /** The version whose answer the caller gets. */
  readonly live: number;
  /** Versions that get a copy of this request, whose answers nobody sees. */
  readonly shadows: readonly number[];
  /**
   * By the split, not by a rule or the client, and while an experiment runs for the arm that answers: only such
   * requests compare two versions.
   */
  readonly drawn: boolean;
  /** Of the rollout in steps, or the experiment, that it was drawn in; undefined: none is, or it was not drawn. */
  readonly draw: RolloutDraw | undefined;
}

/** Nobody serves yet, or not the version that the caller named. */
export interface NotLoaded {
  readonly kind: 'not_loaded';
}

const NOT_LOADED: NotLoaded = Object.freeze({ kind: 'not_loaded' });

export class RouteChoices {
  private readonly salt: number;
  private readonly split: Split;
  /** In the order of the split. */
  private readonly live: readonly Choice[];
  private readonly candidate: Candidate | null;
  private readonly experiment: ExperimentDraw | undefined;
  /** By version. */
  private readonly arms: ReadonlyMap<number, Choice>;
  private readonly loaded: ReadonlyMap<number, Choice>;
  /** undefined without rules. */
  private readonly matches: Matches | undefined;
  private readonly shadowSalt: number;
  /** The same choices for requests that are copied; undefined without shadows. */
  private readonly copied: Copied | undefined;

  constructor(
    readonly route: Route,
    /** An entity stays with one version; else each request is drawn by itself. */
    private readonly sticky: boolean,
    rules: readonly MatchRule[] = [],
    fellThrough: () => void = () => undefined,
  ) {
    this.matches = rules.length === 0 ? undefined : new Matches(rules, route, fellThrough);
    const draw = drawOf(route);
    const choiceOf = (live: number, shadows: readonly number[], drawn: boolean): Choice =>
      Object.freeze({ kind: 'chosen', live, shadows: Object.freeze(shadows), drawn, draw: drawn ? draw : undefined });
    this.salt = projectSalt(route.project);
    this.experiment = ExperimentDraw.of(route);
    const isBeside = this.experiment !== undefined;
    this.arms = new Map(route.loadedVersions.map((version) => [version, choiceOf(version, [], isBeside)]));
    this.candidate = candidateOf(route, (version) => choiceOf(version, [], true));
    this.split = makeSplit(this.candidate === null ? route.targets : othersOf(route));
    this.live = this.split.versions.map((version) => choiceOf(version, [], !isBeside));
    this.loaded = new Map(route.loadedVersions.map((version) => [version, choiceOf(version, [], false)]));
    this.shadowSalt = shadowSalt(route.project);
    const others = (live: number) => route.shadows.filter((version) => version !== live);
    const copiedBy = (drawn: boolean) =>
      new Map(route.loadedVersions.map((version) => [version, choiceOf(version, others(version), drawn)]));
    this.copied = route.shadows.length === 0 ? undefined : { drawn: copiedBy(true), named: copiedBy(false) };
  }

  /**
   * `pinned` is the version the client asked for by itself (0 = none): it gets it as long as serving holds it. The key
   * is the entity where the project is sticky, else the request id. Rules about headers come before the split; requests
   * whose headers nobody knows (`headers` absent) fit none.
   */
  choose(entity: string, requestId: string, pinned: number, headers?: Headers): Choice | NotLoaded {
    const choice = this.chooseLive(entity, requestId, pinned, headers);
    if (this.copied === undefined || choice.kind !== 'chosen') return choice;
    if (!isCopied(requestId, this.shadowSalt, this.route.shadowShare)) return choice;
    return (choice.drawn ? this.copied.drawn : this.copied.named).get(choice.live) ?? choice;
  }

  /** Which arm of the running experiment the entity, or the request without one, was drawn for; undefined: none. */
  drawn(entity: string, requestId: string): Drawn | undefined {
    return this.experiment?.draw(entity === '' ? requestId : entity);
  }

  private chooseLive(entity: string, requestId: string, pinned: number, headers?: Headers): Choice | NotLoaded {
    if (pinned !== 0) return this.loaded.get(pinned) ?? NOT_LOADED;
    if (this.matches !== undefined && headers !== undefined) {
      const matched = this.matches.versionFor(headers);
      if (matched !== 0) return this.loaded.get(matched) ?? NOT_LOADED;
    }
    const { live, candidate } = this;
    const drawn = this.experiment === undefined ? undefined : this.drawn(entity, requestId);
    if (drawn !== undefined && drawn.version !== 0) {
      const choices = drawn.version === drawn.arm.version ? this.arms : this.loaded;
      return choices.get(drawn.version) ?? NOT_LOADED;
    }
    const key = drawnBy(this.sticky, entity, requestId);
    if (candidate !== null && bucketOf(key, candidate.salt) < candidate.below) return candidate.choice;
    // The common case hashes nothing.
    if (live.length === 1) return live[0] as Choice;
    return live[placeOf(this.split, bucketOf(key, this.salt))] ?? NOT_LOADED;
  }
}

/** By version. */
interface Copied {
  readonly drawn: ReadonlyMap<number, Choice>;
  readonly named: ReadonlyMap<number, Choice>;
}

/** The version of a rollout in steps. */
interface Candidate {
  readonly choice: Choice;
  readonly salt: number;
  /** Its buckets are those below: more weight adds to them. */
  readonly below: number;
}

/** Those who share what the version of the rollout does not get, as they shared all of it before. */
function othersOf({ rollout: { steps, version }, targets }: Route): Share[] {
  const others = targets.filter((target) => target.version !== version);
  const before = (steps?.baseline ?? []).filter((share) => others.some((target) => target.version === share.version));
  return before.length === others.length ? before : others;
}

/** null: no rollout is in steps, or its version has no traffic beside another. */
function candidateOf({ rollout, targets }: Route, choiceOf: (version: number) => Choice): Candidate | null {
  const { steps, version } = rollout;
  const weight = targets.find((target) => target.version === version)?.weight ?? 0;
  if (steps === undefined || weight === 0 || weight === 100) return null;
  return { choice: choiceOf(version), salt: steps.salt, below: Math.round((weight * BUCKETS) / 100) };
}

function drawOf(route: Route): RolloutDraw | undefined {
  const { rollout, targets } = route;
  const experiment = runningExperiment(route);
  if (experiment !== undefined)
    return Object.freeze({ fromRevision: experiment.fromRevision, weight: splitNumber(experiment) });
  const weight = targets.find((target) => target.version === rollout.version)?.weight ?? 0;
  const { steps } = rollout;
  if (steps === undefined || weight === 0 || weight === 100) return undefined;
  return Object.freeze({ fromRevision: steps.fromRevision, weight });
}
