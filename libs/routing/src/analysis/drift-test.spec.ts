// Drift in a rollout's judgement: the monitor's alarms for one version, and what they do not do.

import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { answerInto } from '@millrace/testing';
import type { DriftSaid } from './drift-said.js';
import { VersionEvidence } from './evidence.js';
import { RolloutJudge } from './judge.js';
import { type AnalysisPlan, DEFAULT_ANALYSIS } from './plan.js';

const SINCE_MS = 1_000;
const saidAt = (subject: string, saidAtMs = 2_000, commonWith: number[] = []): DriftSaid => ({
  ...{ subject, detector: 'psi', value: 0.314_15, threshold: 0.2, rows: 900, saidAtMs, commonWith },
});

class World {
  readonly stable = new VersionEvidence(1);
  readonly candidate = new VersionEvidence(2);
  readonly judge: RolloutJudge;

  constructor(plan: Partial<AnalysisPlan> = { drift: { aborts: true } }) {
    this.judge = new RolloutJudge({ ...DEFAULT_ANALYSIS, ...plan }, { stable: 1, candidate: 2, sinceMs: SINCE_MS });
  }

  look(nowMs = 3_000): string {
    return this.judge.look(this, nowMs);
  }

  /** Answers of two versions that are alike, until they pass. */
  healthy(): string {
    const rng = seededRng(5);
    for (let i = 0; i < 20_000; i++) {
      answerInto(rng.next() < 0.3 ? this.candidate : this.stable, rng, {});
      if (i % 50 === 0 && this.look() === 'pass') return 'pass';
    }
    return this.look();
  }

  get drift() {
    return this.judge.analysis().criteria.find(({ criterion }) => criterion === 'drift');
  }
}

describe('drift of a version in its rollout', () => {
  it('of the new version alone ends it, and the reason says what rings', () => {
    const world = new World();
    world.candidate.drifts = [saidAt('amount'), saidAt('@score')];
    world.stable.drifts = [saidAt('@score', 10)];
    expect(world.look()).toBe('fail');
    expect(world.judge.analysis().reason).toBe(
      'drift: version 2 amount drifts (psi 0.314, rings at 0.2, of 900 rows), ' +
        '@score drifts (psi 0.314, rings at 0.2, of 900 rows), ' +
        'version 1 @score drifts (psi 0.314, rings at 0.2, of 900 rows)',
    );
    expect(world.drift).toMatchObject({ verdict: 'fail', unit: 'drifts', difference: 1, evidence: 1, alpha: 0 });
    // What was found against it stays.
    world.candidate.drifts = [];
    expect(world.look()).toBe('fail');
  });

  it('that both versions have is a change of the traffic, and so is that of the stable one', () => {
    const world = new World();
    world.stable.drifts = [saidAt('amount'), saidAt('age')];
    world.candidate.drifts = [saidAt('amount')];
    expect(world.look()).not.toBe('fail');
    expect(world.drift).toMatchObject({ verdict: 'not_yet', difference: -1 });
  });

  // Symptom: the traffic changed, the stable version was calm a window before the new one, and that was taken back.
  it('that both versions had is no fault of the new one while its alarm lasts longer', () => {
    const world = new World();
    world.candidate.drifts = [saidAt('amount', 2_000, [1])];
    expect(world.look()).not.toBe('fail');
    expect(world.drift?.candidate.says).toContain('of 900 rows, as for version 1)');
    // It is the stable version that counts, and no third one.
    world.candidate.drifts = [saidAt('amount', 2_000, [7])];
    expect(world.look()).toBe('fail');
  });

  it('ends nothing where nobody knows whether the stable version has it, and that is told', () => {
    const world = new World();
    world.candidate.drifts = [saidAt('amount')];
    world.stable.unknownDrifts = ['amount'];
    expect(world.look()).not.toBe('fail');
    expect(world.drift).toMatchObject({
      verdict: 'not_yet',
      stable: { says: 'not known whether amount drifts' },
    });
    world.candidate.drifts = [saidAt('amount'), saidAt('age')];
    expect(world.look()).toBe('fail');
  });

  it('that rang before the rollout began is of an earlier one', () => {
    const world = new World();
    world.candidate.drifts = [saidAt('amount', SINCE_MS - 1)];
    expect(world.look()).not.toBe('fail');
    world.candidate.drifts = [saidAt('amount', SINCE_MS)];
    expect(world.look()).toBe('fail');
  });

  it('holds no step, with alarms of both or without any, and takes no part of alpha', () => {
    for (const drifts of [[], [saidAt('amount')]]) {
      const world = new World();
      for (const version of [world.stable, world.candidate]) version.drifts = drifts;
      expect(world.healthy()).toBe('pass');
      expect(world.drift?.verdict).toBe(drifts.length === 0 ? 'no_data' : 'not_yet');
      world.judge.nextStep(4_000);
      expect(world.look()).toBe('not_yet');
    }
    const alphaOf = (plan: Partial<AnalysisPlan>) =>
      new World(plan).judge.analysis().criteria.map(({ alpha }) => alpha);
    expect(alphaOf({ drift: { aborts: true } }).slice(0, -1)).toEqual(alphaOf({}));
  });

  it('is not judged where the project does not ask for it', () => {
    const world = new World({});
    world.candidate.drifts = [saidAt('amount')];
    expect(world.look()).not.toBe('fail');
    expect(world.drift).toBeUndefined();
  });

  it('alone, that is undecided when the time is up, is what a person is told', () => {
    const world = new World({
      drift: { aborts: true },
      ignore: ['latency', 'scores', 'constant', 'unusable', 'quality'],
    });
    for (const version of [world.stable, world.candidate]) version.drifts = [saidAt('amount')];
    expect(world.look(SINCE_MS + DEFAULT_ANALYSIS.inconclusiveAfterMs)).toBe('inconclusive');
    expect(world.judge.analysis().reason).toContain('drift: version 2 amount drifts');
  });
});
