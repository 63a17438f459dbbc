import { describe, expect, it } from '@jest/globals';
import { DRIFT_EVENT_TYPE, type DriftData } from '@millrace/contracts';
import { encodeInferResponse, NO_PARAMETERS, Tensor } from '@millrace/inference';
import {
  type AnalysisPlan,
  DEFAULT_ANALYSIS,
  type ExpectedScores,
  emptyRoute,
  GRPC_STATUS,
  type RolloutSteps,
  type Route,
} from '@millrace/routing';
import { Analyst } from './analyst.js';
import { EvidenceBook } from './evidence-book.js';
import { GatheredDrifts } from './gathered-drifts.js';
import { GatheredEvidence, type Word } from './gathered-evidence.js';
import { GatheredLosses } from './gathered-losses.js';

const NOTHING = new Uint8Array(0);
const PLAN: AnalysisPlan = {
  ...DEFAULT_ANALYSIS,
  ignore: ['constant', 'scores', 'unusable'],
  inconclusiveAfterMs: 60_000,
};

interface Steps {
  at?: number;
  paused?: boolean;
  timed?: boolean;
  fromRevision?: number;
}

function progressing({ at = 0, paused = false, timed = true, fromRevision = 7 }: Steps = {}): Route {
  const pause = paused ? { pause: { sinceMs: 0, reason: '', by: '' } } : {};
  return {
    ...emptyRoute('p'),
    revision: 7 + at,
    targets: [
      { version: 1, weight: 80, name: 'blue' },
      { version: 2, weight: 20, name: 'green' },
    ],
    loadedVersions: [1, 2],
    previousVersion: 1,
    rollout: {
      ...{ phase: 'progressing', version: 2, message: '' },
      steps: {
        plan: [{ weight: 20 }, { weight: 50 }],
        ...{ at, sinceMs: 1_000, fromRevision, salt: 1, baseline: [{ version: 1, weight: 100 }] },
        ...(timed ? { dueMs: 2_000 } : {}),
        ...pause,
      },
    },
  };
}

/** A router with its analyst; several hear each other. */
class Router {
  readonly book = new EvidenceBook();
  readonly gathered = new GatheredEvidence();
  readonly losses = new GatheredLosses();
  readonly drifts = new GatheredDrifts();
  readonly commands: string[] = [];
  readonly decided: string[] = [];
  readonly said: Word[] = [];
  others: Router[] = [];
  nowMs = 1_000;
  private asked = 0;
  refuses = false;
  /** The project file. */
  isRead = true;
  /** What the new version's evaluation says. */
  expected: ExpectedScores | undefined = { kind: 'unknown', why: 'version 2 was compared with no other' };
  readonly analyst: Analyst;

  constructor(
    readonly name: string,
    private readonly isOwner: boolean,
    plan: Partial<AnalysisPlan> = {},
  ) {
    this.analyst = new Analyst(this, {
      self: { router: name, startedAtMs: 1 },
      nowMs: () => this.nowMs,
      planOf: () => (this.isRead ? { ...PLAN, ...plan } : undefined),
      expectedScores: () => this.expected,
      holds: () => this.isOwner,
      say: (word) => {
        this.said.push(word);
        for (const other of [this, ...this.others]) other.gathered.hear(word);
      },
      command: async (_rollout, kind, reason) => {
        if (this.refuses) throw new Error('no broker');
        this.commands.push(`${kind}: ${reason}`);
      },
      decided: (_project, { verdict }) => this.decided.push(verdict),
      failed: () => this.decided.push('failed'),
    });
  }

  scored(version: number, score: number): void {
    const outputs = [Tensor.of('score', 'FP64', [1], [score], NO_PARAMETERS)];
    const answer = { modelName: 'p', modelVersion: `${version}`, id: 'a', parameters: NO_PARAMETERS, outputs };
    const response = encodeInferResponse(answer);
    const facts = { status: GRPC_STATUS.OK, elapsedMs: 5, isStream: false, drawnBy: `${this.asked++}` };
    this.book.answered('p', version, { ...facts, response });
  }

  /** So many answers of each version, then a second goes by. */
  async second(answers: number, failing: boolean, route = progressing()): Promise<void> {
    for (let i = 0; i < answers; i++)
      for (const version of [1, 2]) {
        const status = failing && version === 2 ? GRPC_STATUS.INTERNAL : GRPC_STATUS.OK;
        this.book.answered('p', version, {
          status,
          elapsedMs: 5 + (i % 3),
          response: NOTHING,
          isStream: false,
          drawnBy: `${this.asked++}`,
        });
      }
    this.nowMs += 1_000;
    this.analyst.tick([route]);
    await new Promise(setImmediate);
  }
}

/** The monitor's alarm for an input of a version. */
function rings(routers: readonly Router[], version: number): void {
  const data: DriftData = {
    ...{ project: 'p', feature: 'amount', detector: 'psi', value: 0.3, threshold: 0.2, pValue: null, rows: 900 },
    ...{ window: { startMs: 0, endMs: 1 }, cohort: { version, slice: 'all' }, correlationId: '' },
  };
  for (const router of routers)
    router.drifts.hear(
      {
        ...{ specversion: '1.0', type: DRIFT_EVENT_TYPE, id: `${version}`, source: 's', subject: 'amount' },
        ...{ time: '1970-01-01T00:00:01.500Z', datacontenttype: 'application/json', data },
      },
      router.nowMs,
    );
}

describe('the analysis of rollouts under way', () => {
  it('a version that fails is aborted in the second in which it is seen, with both figures as the reason', async () => {
    const router = new Router('a', true);
    router.analyst.tick([progressing()]);
    await router.second(50, true);
    await router.second(50, true);
    expect(router.commands[0]).toMatch(/^abort: errors: version 2 (50 of 50|100 of 100), version 1 0 of (50|100)/);
    expect(router.analyst.mayAdvance('p', progressing())).toEqual({ abort: expect.stringContaining('errors') });
  });

  it('a version whose evaluation is not heard of yet is judged from when it is, and after a minute all the same', async () => {
    const [heard, never] = [new Router('a', true), new Router('b', true)];
    for (const router of [heard, never]) {
      router.expected = undefined;
      router.analyst.tick([progressing()]);
      await router.second(50, false);
      expect(router.analyst.of('p')).toBeUndefined();
    }
    heard.expected = { kind: 'evaluated', distance: { rows: 4_000, below: 0, above: 0.3 } };
    await heard.second(50, false);
    expect(heard.analyst.of('p')).toMatchObject({ isUnderWay: true });
    never.nowMs += 59_000;
    await never.second(50, true);
    await never.second(50, true);
    expect(never.commands[0]).toMatch(/^abort: errors/);
  });

  it('what its evaluation says of the scores of both is expected of them: it is not aborted for that', async () => {
    const apart: ExpectedScores = { kind: 'evaluated', distance: { rows: 10_000, below: 0, above: 0.5 } };
    const why = 'version 2 was compared with version 3 when it was judged, not with version 1';
    const commandsOf = async (expected: ExpectedScores) => {
      const router = new Router('a', true, { ignore: ['constant', 'unusable', 'latency'] });
      router.expected = expected;
      router.analyst.tick([progressing()]);
      for (let second = 0; second < 20; second++) {
        for (let i = 0; i < 20; i++) {
          const score = ((i * 7 + second * 3) % 20) / 20;
          router.scored(1, score);
          router.scored(2, score + 0.5);
        }
        await router.second(0, false);
      }
      return router.commands;
    };
    expect(await commandsOf(apart)).toEqual([]);
    const [aborted] = await commandsOf({ kind: 'unknown', why });
    expect(aborted).toMatch(/^abort: scores: version 2 0\.\d+ is the median score of \d+, version 1 /);
    expect(aborted).toContain(`nothing but the same scores is expected: ${why}`);
  });

  it('only the owner acts; what no router alone has seen enough of is seen in their sum', async () => {
    const [owner, other, third] = [new Router('a', true), new Router('b', false), new Router('c', false)];
    for (const one of [owner, other, third]) one.others = [owner, other, third].filter((router) => router !== one);
    for (const one of [owner, other, third]) one.analyst.tick([progressing()]);
    await other.second(2, true);
    await third.second(2, true);
    await owner.second(0, false);
    await owner.second(0, false);
    expect(owner.analyst.of('p')).toMatchObject({ verdict: 'not_yet', routers: 3, answered: { candidate: 4 } });
    await other.second(30, true);
    await third.second(30, true);
    await owner.second(0, false);
    expect(owner.analyst.of('p')).toMatchObject({ verdict: 'fail', answered: { candidate: 64, stable: 64 } });
    expect(owner.commands).toHaveLength(1);
    expect([...other.commands, ...third.commands]).toEqual([]);
    expect(third.analyst.of('p')?.verdict).toBe('fail');
  });

  it('is not judged by a plan that nobody wrote: before its project file is read it is counted only', async () => {
    const router = new Router('a', true, { dryRun: true });
    router.isRead = false;
    router.analyst.tick([progressing()]);
    await router.second(50, true);
    expect([router.analyst.of('p'), router.analyst.mayAdvance('p', progressing())]).toEqual([undefined, 'not yet']);
    router.isRead = true;
    await router.second(50, true);
    await router.second(50, true);
    expect(router.analyst.of('p')).toMatchObject({ dryRun: true, answered: { candidate: 150 } });
    expect(router.commands).toEqual([]);
  });

  it('a router that starts in the middle judges from then on: a bad hour of another split is no difference', async () => {
    const [before, after] = [new Router('a', true), new Router('b', true)];
    before.others = [after];
    // Step 1: 20 stable answers for each of the new version, none of them failed; then an hour that fails both alike.
    before.analyst.tick([progressing()]);
    const say = async (stable: number, candidate: number, everyFails: number) => {
      for (const [version, count] of [
        [1, stable],
        [2, candidate],
      ] as const)
        for (let i = 0; i < count; i++) {
          const status = everyFails > 0 && i % everyFails === 0 ? GRPC_STATUS.INTERNAL : GRPC_STATUS.OK;
          before.book.answered('p', version, {
            status,
            elapsedMs: 5,
            response: NOTHING,
            isStream: false,
            drawnBy: `${i}`,
          });
        }
      await before.second(0, false);
    };
    await say(20_000, 1_000, 0);
    await say(10_000, 10_000, 25);
    await after.second(0, false);
    await after.second(0, false);
    expect(after.analyst.of('p')).toMatchObject({ verdict: 'not_yet', routers: 2, answered: { candidate: 11_000 } });
    expect(after.commands).toEqual([]);
    // Nor does what was counted before let the step pass.
    expect(after.analyst.mayAdvance('p', progressing())).toBe('not yet');
  });

  it('a step may come only once all criteria passed at it', async () => {
    const router = new Router('a', true);
    expect(router.analyst.mayAdvance('p', progressing())).toBe('not yet');
    router.analyst.tick([progressing()]);
    await router.second(10, false);
    expect(router.analyst.mayAdvance('p', progressing())).toBe('not yet');
    for (let i = 0; i < 30; i++) await router.second(20, false);
    expect(router.analyst.mayAdvance('p', progressing())).toBe('yes');
    expect(router.analyst.mayAdvance('p', progressing({ at: 1 }))).toBe('not yet');
    await router.second(1, false, progressing({ at: 1 }));
    expect(router.analyst.mayAdvance('p', progressing({ at: 1 }))).toBe('not yet');
    expect(router.decided).toEqual(['not_yet', 'pass', 'not_yet']);
  });

  it('when the time of a step is up it pauses once, and a person who resumes gives it that time again', async () => {
    const router = new Router('a', true);
    router.analyst.tick([progressing()]);
    await router.second(2, false);
    router.nowMs += 60_000;
    await router.second(0, false);
    expect(router.commands).toEqual([expect.stringMatching(/^pause: .*waits for a person: errors: version 2 0 of 2/)]);
    await router.second(0, false, progressing({ paused: true }));
    // The step is due since long when it goes on: the owner asks within milliseconds of the resume.
    expect(router.analyst.mayAdvance('p', progressing())).toBe('not yet');
    await router.second(0, false);
    expect(router.commands).toHaveLength(1);
    expect(router.analyst.mayAdvance('p', progressing())).toBe('not yet');
    expect(router.analyst.of('p')?.verdict).toBe('not_yet');
  });

  it('a step that a person ends is not paused, a paused rollout that fails is aborted', async () => {
    const router = new Router('a', true);
    router.analyst.tick([progressing({ timed: false })]);
    router.nowMs += 120_000;
    await router.second(0, false, progressing({ timed: false }));
    expect(router.commands).toEqual([]);
    for (let i = 0; i < 3; i++) await router.second(50, true, progressing({ timed: false, paused: true }));
    expect(router.commands[0]).toMatch(/^abort: /);
  });

  it('a dry run is told and not acted on', async () => {
    const router = new Router('a', true, { dryRun: true });
    router.analyst.tick([progressing()]);
    for (let i = 0; i < 3; i++) await router.second(50, true);
    expect(router.analyst.of('p')).toMatchObject({ verdict: 'fail', dryRun: true });
    expect(router.commands).toEqual([]);
    expect(router.analyst.mayAdvance('p', progressing())).toBe('yes');
  });

  it('a command that could not be sent is sent again at the next look', async () => {
    const router = new Router('a', true);
    router.analyst.tick([progressing()]);
    router.refuses = true;
    for (let i = 0; i < 3; i++) await router.second(50, true);
    expect(router.decided).toContain('failed');
    router.refuses = false;
    await router.second(0, true);
    expect(router.commands).toHaveLength(1);
  });

  it('what was thought of a rollout is kept when it ends; the next one begins at 0', async () => {
    const router = new Router('a', true);
    router.analyst.tick([progressing()]);
    for (let i = 0; i < 3; i++) await router.second(50, true);
    router.analyst.tick([{ ...progressing(), rollout: { phase: 'failed', version: 2, message: 'aborted' } }]);
    expect(router.book.isCounting).toBe(false);
    expect(router.analyst.of('p')).toMatchObject({ isUnderWay: false, verdict: 'fail' });
    await router.second(0, false, progressing({ fromRevision: 20 }));
    await router.second(0, false, progressing({ fromRevision: 20 }));
    expect(router.analyst.of('p')).toMatchObject({ isUnderWay: true, verdict: 'no_data', answered: { candidate: 0 } });
    router.analyst.forget('p');
    expect(router.analyst.of('p')).toBeUndefined();
  });

  it('says nothing that it has said; judges as often as the plan says', async () => {
    const router = new Router('a', true, { intervalMs: 5_000 });
    router.analyst.tick([progressing()]);
    await router.second(10, true);
    await router.second(0, true);
    expect(router.said).toHaveLength(1);
    await router.second(90, true);
    expect(router.commands).toEqual([]);
    await router.second(0, true);
    await router.second(0, true);
    expect(router.commands).toHaveLength(1);
  });

  const labels = (router: Router, count: number, [stable, candidate]: readonly [number, number]) => {
    const cell = (version: number, mean: number) => ({ version, weight: 20, count, mean, m2: count * 0.02 });
    const cells = [cell(1, stable), cell(2, candidate)];
    router.losses.hear({ project: 'p', createdAtMs: 0, partition: 0, fromRevision: 7, cells, entities: [] });
  };

  it('labels that say that the version is worse take it back, whoever counted them', async () => {
    const router = new Router('a', true);
    router.analyst.tick([progressing()]);
    for (let second = 1; second <= 20; second++) {
      labels(router, 100 * second, [0.15, 0.3]);
      await router.second(20, false);
    }
    expect(router.commands[0]).toMatch(/^abort: quality: version 2 0\.3 of \d+ labels, version 1 0\.15 of \d+ labels/);
    expect(router.analyst.of('p')?.criteria.at(-1)).toMatchObject({ criterion: 'quality', verdict: 'fail' });
  });

  it('an alarm that rings for the new version alone takes it back by the owner alone; in a dry run it is told', async () => {
    const of = (plan: Partial<AnalysisPlan>) => {
      const [owner, other] = [new Router('a', true, plan), new Router('b', false, plan)];
      for (const router of [owner, other]) router.analyst.tick([progressing()]);
      return [owner, other] as const;
    };
    const seconds = async (routers: readonly Router[], count: number) => {
      for (let i = 0; i < count; i++) for (const router of routers) await router.second(2, false);
    };
    const asked = of({ drift: { aborts: true } });
    await seconds(asked, 1);
    rings(asked, 2);
    await seconds(asked, 7);
    expect(asked[0].commands[0]).toMatch(/^abort: drift: version 2 amount drifts .*, version 1 no drift$/);
    expect(asked[1].commands).toEqual([]);
    expect(asked[1].analyst.of('p')?.criteria.at(-1)).toMatchObject({ criterion: 'drift', verdict: 'fail' });
    const both = of({ drift: { aborts: true } });
    for (const version of [2, 1]) rings(both, version);
    await seconds(both, 8);
    const dry = of({ drift: { aborts: true }, dryRun: true });
    rings(dry, 2);
    await seconds(dry, 8);
    expect([both, dry].flatMap(([owner]) => owner.commands)).toEqual([]);
    expect(dry[0].analyst.of('p')).toMatchObject({ verdict: 'fail', dryRun: true });
    const unasked = of({});
    rings(unasked, 2);
    await seconds(unasked, 8);
    expect(unasked[0].commands).toEqual([]);
  });

  it('a router that takes a rollout over knows what labels said before, and another rollout knows nothing of it', async () => {
    const router = new Router('b', true);
    labels(router, 2_000, [0.15, 0.3]);
    router.analyst.tick([progressing()]);
    await router.second(20, false);
    await router.second(20, false);
    expect(router.commands[0]).toMatch(/^abort: quality/);
    const later = new Router('c', true);
    labels(later, 2_000, [0.15, 0.3]);
    const route = progressing({ fromRevision: 8 });
    later.analyst.tick([route]);
    await later.second(20, false, route);
    expect(later.analyst.of('p')?.criteria.at(-1)).toMatchObject({ criterion: 'quality', verdict: 'no_data' });
  });

  it('a bandit is told the share that labels ask for, and every router says the same', () => {
    const [one, other] = [new Router('a', true), new Router('b', false)];
    const route = progressing();
    const steps = { ...(route.rollout.steps as RolloutSteps), bandit: { floor: 5, everyMs: 1_000, confidence: 0.99 } };
    const bandit = { ...route, rollout: { ...route.rollout, steps } };
    expect(one.analyst.bandit(bandit, false)).toEqual({ kind: 'stay' });
    for (const router of [one, other]) labels(router, 200, [0.2, 0.19]);
    expect(one.analyst.bandit(bandit, false)).toMatchObject({ kind: 'weight', weight: expect.any(Number) });
    expect(other.analyst.bandit(bandit, false)).toEqual(one.analyst.bandit(bandit, false));
    labels(one, 4_000, [0.2, 0.15]);
    expect(one.analyst.bandit(bandit, false)).toMatchObject({ kind: 'promote' });
    expect(one.analyst.bandit(route, true)).toEqual({ kind: 'stay' });
  });
});

describe('the analysis of a switch with checks', () => {
  const checked = (weight: 0 | 100, over: Partial<Route> = {}): Route => {
    const route = progressing();
    const steps = route.rollout.steps as NonNullable<Route['rollout']['steps']>;
    const plan = [{ weight, copies: 50, forMs: 1_000 }];
    return {
      ...route,
      targets: [{ version: weight === 0 ? 1 : 2, weight: 100, name: 'blue' }],
      ...{ shadows: [weight === 0 ? 2 : 1], shadowShare: 50 },
      rollout: { ...route.rollout, steps: { ...steps, plan } },
      ...over,
    };
  };
  let asked = 0;
  /** Requests that both versions were asked, then a second goes by. */
  async function copied(router: Router, requests: number, failing: boolean, route: Route): Promise<void> {
    const answer = (version: number, i: number, drawnBy: string) => ({
      version,
      answer: {
        ...{ status: failing && version === 2 ? GRPC_STATUS.INTERNAL : GRPC_STATUS.OK, elapsedMs: 5 + (i % 3) },
        ...{ response: NOTHING, isStream: false, drawnBy },
      },
    });
    for (let i = 0; i < requests; i++) {
      const drawnBy = `r${asked++}`;
      router.book.bothAnswered('p', answer(1, i, drawnBy), answer(2, i, drawnBy));
    }
    await router.second(0, false, route);
  }

  it.each([0, 100] as const)(
    'of weight %i aborts a version that fails, by copies of the same requests',
    async (weight) => {
      const router = new Router('a', true);
      const route = checked(weight);
      for (let i = 0; i < 5; i++) await copied(router, 20, true, route);
      expect(router.commands[0]).toMatch(/^abort: errors: version 2 /);
      expect(router.analyst.mayAdvance('p', route)).toMatchObject({ abort: expect.stringContaining('errors') });
    },
  );

  it('heard an alarm for one of both, while the monitor saw no rows of the other: it says nothing of drift', async () => {
    const router = new Router('a', true, { drift: { aborts: true } });
    await copied(router, 20, false, checked(100));
    rings([router], 2);
    for (let i = 0; i < 8; i++) await copied(router, 20, false, checked(100));
    expect(router.commands).toEqual([]);
    expect(router.analyst.of('p')?.criteria.at(-1)).toMatchObject({ criterion: 'drift', verdict: 'no_data' });
  });

  it('lets a good version be switched to, and not before it has shown that it is', async () => {
    const router = new Router('a', true);
    const route = checked(0);
    await copied(router, 20, false, route);
    expect(router.analyst.mayAdvance('p', route)).toBe('not yet');
    for (let i = 0; i < 40; i++) await copied(router, 50, false, route);
    expect(router.analyst.mayAdvance('p', route)).toBe('yes');
    expect(router.commands).toEqual([]);
  });

  it('before the switch waits for a person where nobody asks; after it what was not found wanting stays', async () => {
    const before = new Router('a', true, { inconclusiveAfterMs: 3_000 });
    const after = new Router('b', true, { inconclusiveAfterMs: 3_000 });
    for (let i = 0; i < 6; i++) await copied(before, 0, false, checked(0));
    for (let i = 0; i < 6; i++) await copied(after, 0, false, checked(100));
    expect(before.commands[0]).toMatch(/^pause: neither good nor bad/);
    expect(before.analyst.mayAdvance('p', checked(0))).toMatchObject({ pause: expect.any(String) });
    expect(after.commands).toEqual([]);
    expect(after.analyst.mayAdvance('p', checked(100))).toBe('yes');
  });

  it('lets nothing be switched where the copies do not go to the version any more', async () => {
    const router = new Router('a', true);
    const route = checked(0, { shadows: [] });
    for (let i = 0; i < 3; i++) await copied(router, 50, false, route);
    expect(router.analyst.mayAdvance('p', route)).toBe('not yet');
  });
});
