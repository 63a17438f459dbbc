// Watches running experiments as the owner of their routes: ends one when its time is over, and asks serving which arms
// it has, so that no request goes to one that is not there. It keeps nothing that the route does not say, but since
// when an arm is missing: whoever takes a partition over goes on from the route alone.

import type { Clock } from '@millrace/domain';
import { type Experiment, type ExperimentOutcome, type Route, runningExperiment } from '@millrace/routing';
import type { ReadinessProbe } from './step-watch.js';

/** Between two looks at the arms. */
const LOOK_EVERY_MS = 500;
/** An arm that no serving has for so long gets nothing: some looks, so that one lost answer moves nobody. */
const MISSING_MS_MAX = 2_000;

/** What serving has: an arm comes in when it is ready, and stays while any serving has it. */
export interface ArmProbe extends ReadinessProbe {
  readySomewhere(project: string, version: number): Promise<boolean>;
}

interface Routes {
  get(project: string): Route | undefined;
  /** Never rejects: what could not be written leaves the route as it was. */
  settle(project: string, outcome: ExperimentOutcome): Promise<void>;
}

export interface ExperimentWatchOptions {
  clock: Clock;
  sleep(ms: number): Promise<void>;
}

interface Watched {
  /** Of the route that the running watch looks at. */
  revision: number;
  /** Which experiment. */
  fromRevision: number;
  /** Arms that were there, by version: since when they are not, on the monotonic clock. */
  readonly missingSinceMs: Map<number, number>;
}

export class ExperimentWatch {
  private readonly watching = new Map<string, Watched>();

  constructor(
    private readonly routes: Routes,
    private readonly probe: ArmProbe,
    private readonly options: ExperimentWatchOptions,
  ) {}

  /** Of a route that has come into force here; one without a running experiment ends the watch. */
  watch(route: Route): void {
    const { project, revision } = route;
    const experiment = runningExperiment(route);
    if (experiment === undefined) {
      this.end(project);
      return;
    }
    const { fromRevision } = experiment;
    const known = this.watching.get(project);
    if (known?.revision === revision) return;
    const isSame = known?.fromRevision === fromRevision;
    const missingSinceMs = isSame ? known.missingSinceMs : new Map<number, number>();
    this.watching.set(project, { revision, fromRevision, missingSinceMs });
    void this.untilMoved(project, revision);
  }

  end(project: string): void {
    this.watching.delete(project);
  }

  private async untilMoved(project: string, revision: number): Promise<void> {
    const { clock, sleep } = this.options;
    for (;;) {
      const experiment = this.current(project, revision);
      if (experiment === undefined) return;
      const leftMs = experiment.endsAtMs - clock.nowMs();
      const outcome: ExperimentOutcome =
        leftMs <= 0
          ? { kind: 'over', revision }
          : { kind: 'arms', revision, ready: await this.readyArms(project, experiment) };
      if (this.current(project, revision) === undefined) return;
      // What changes nothing is refused; what was written ends this watch; what was not is looked at again.
      await this.routes.settle(project, outcome);
      if (this.current(project, revision) === undefined) return;
      await sleep(leftMs > 0 ? Math.min(LOOK_EVERY_MS, leftMs) : LOOK_EVERY_MS);
    }
  }

  /** undefined: this watch is over. */
  private current(project: string, revision: number): Experiment | undefined {
    if (this.watching.get(project)?.revision !== revision) return undefined;
    const route = this.routes.get(project);
    return route?.revision === revision ? runningExperiment(route) : undefined;
  }

  private async readyArms(project: string, { arms }: Experiment): Promise<number[]> {
    const { probe } = this;
    const asked = arms.map(({ version, isReady }) => {
      const answer = isReady ? probe.readySomewhere(project, version) : probe.modelReady(project, version);
      return answer.catch(() => false);
    });
    const there = await Promise.all(asked);
    const nowMs = this.options.clock.monotonicMs();
    const missing = this.watching.get(project)?.missingSinceMs ?? new Map<number, number>();
    return arms.flatMap(({ version, isReady }, i) => {
      if (there[i] === true) {
        missing.delete(version);
        return version;
      }
      const sinceMs = missing.get(version) ?? nowMs;
      missing.set(version, sinceMs);
      return isReady && nowMs - sinceMs < MISSING_MS_MAX ? version : [];
    });
  }
}
