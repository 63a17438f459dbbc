// The test of a rollout's drift: no test of its own, but the monitor's, by windows and with its rate of false
// alarms; it takes no part of the judge's alpha. It can end a rollout and never holds one: windows are a day
// long by default, and a version that no alarm rings for has not been shown to be free of drift. An alarm for the
// new version that was said before its rollout began is of an earlier one.

import { drift, driftsAlone } from './criteria/drift.js';
import type { Arms, CRITERION_VERDICTS, RunningTest, Standing } from './criterion.js';

export class DriftTest implements RunningTest {
  readonly criterion = drift;
  readonly holds = 'never';
  readonly alpha = 0;
  private hasFailed = false;
  private hasData = false;

  constructor(private readonly sinceMs: number) {}

  look({ stable, candidate }: Arms): void {
    this.hasData = stable.drifts.length > 0 || candidate.drifts.length > 0;
    const own = candidate.drifts.filter(({ saidAtMs }) => saidAtMs >= this.sinceMs);
    if (driftsAlone(stable, own).length > 0) this.hasFailed = true;
  }

  /** An alarm holds whoever has counted what. */
  beginFrom(): void {}

  nextStep(): void {}

  get verdict(): (typeof CRITERION_VERDICTS)[number] {
    if (this.hasFailed) return 'fail';
    return this.hasData ? 'not_yet' : 'no_data';
  }

  get evidence(): number {
    return Number(this.hasFailed);
  }

  standing({ stable, candidate }: Arms): Standing {
    const rang = ({ drifts }: Arms['stable']) => ({ k: drifts.length, n: drifts.length });
    return {
      ...{ stable: rang(stable), candidate: rang(candidate), interval: null, designEffect: 1 },
      difference: this.hasData ? candidate.drifts.length - stable.drifts.length : null,
    };
  }

  /** What is not there cannot be told from what rings later. */
  answersUntilSeen(): number {
    return 0;
  }
}
