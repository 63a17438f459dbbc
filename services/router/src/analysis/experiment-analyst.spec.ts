import { describe, expect, it } from '@jest/globals';
import { DEFAULT_ANALYSIS, type Experiment, emptyRoute, GRPC_STATUS, type Route } from '@millrace/routing';
import { EvidenceBook } from './evidence-book.js';
import { ExperimentAnalyst } from './experiment-analyst.js';
import { GatheredDrifts } from './gathered-drifts.js';
import { GatheredEvidence, type Word } from './gathered-evidence.js';
import { GatheredLosses } from './gathered-losses.js';

const NOTHING = new Uint8Array(0);
const slots = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const EXPERIMENT: Experiment = {
  ...{ name: 'prices', salt: 1, control: 3, share: 100, startedBy: 'ada', fromRevision: 7 },
  arms: [
    { version: 3, weight: 40, slots: slots(0, 40), isReady: true },
    { version: 4, weight: 30, slots: slots(40, 70), isReady: true },
    { version: 5, weight: 30, slots: slots(70, 100), isReady: false },
  ],
  ...{ startedAtMs: 1_000, endsAtMs: 9_000_000 },
};
const route = (experiment: Experiment | undefined = EXPERIMENT): Route => ({
  ...emptyRoute('p'),
  revision: 8,
  targets: [{ version: 3, weight: 100, name: 'blue' }],
  loadedVersions: [3, 4, 5],
  experiment,
});
const ENDED = { ...EXPERIMENT, end: { atMs: 2, reason: 'enough', by: 'ada', winner: 0 } };

/** A router with its analyst; several hear each other. */
class Router {
  readonly book = new EvidenceBook();
  readonly gathered = new GatheredEvidence();
  readonly losses = new GatheredLosses();
  readonly drifts = new GatheredDrifts();
  readonly decided: string[] = [];
  others: Router[] = [];
  nowMs = 1_000;
  private asked = 0;
  isRead = true;
  readonly analyst: ExperimentAnalyst;

  constructor(name: string) {
    this.analyst = new ExperimentAnalyst(
      { book: this.book, gathered: this.gathered, losses: this.losses, drifts: this.drifts },
      {
        self: { router: name, startedAtMs: 1 },
        nowMs: () => this.nowMs,
        planOf: () => (this.isRead ? DEFAULT_ANALYSIS : undefined),
        say: (word: Word) => {
          for (const other of [this, ...this.others]) other.gathered.hear(word);
        },
        decided: ({ version, verdict }) => this.decided.push(`${version} ${verdict}`),
      },
    );
  }

  /** So many answers of each arm, then a second goes by. */
  second(answers: number, failing: readonly number[] = [], of = route()): void {
    for (let i = 0; i < answers; i++)
      for (const version of [3, 4, 5]) {
        const status = failing.includes(version) ? GRPC_STATUS.INTERNAL : GRPC_STATUS.OK;
        const drawnBy = `${this.asked++}`;
        this.book.answered('p', version, {
          ...{ status, elapsedMs: 5 + (i % 3), response: NOTHING, isStream: false, drawnBy },
        });
      }
    this.nowMs += 1_000;
    this.analyst.tick([of]);
  }

  arm(version: number, of = route()) {
    return this.analyst.of(of)?.arms.find((arm) => arm.version === version);
  }
}

describe('the analysis of a running experiment', () => {
  it('leaves the counts, its own and of others, to a rollout of an arm that ends it in the same write', () => {
    const [router, other] = [new Router('a'), new Router('b')];
    other.others = [router];
    for (const one of [router, other]) one.analyst.tick([route()]);
    router.second(20);
    const rollout = { project: 'p', version: 4, fromRevision: 9 };
    router.book.watch(rollout, [3, 4]);
    router.book.answered('p', 4, {
      ...{ status: GRPC_STATUS.OK, elapsedMs: 5, response: NOTHING, isStream: false, drawnBy: 'x' },
    });
    const state = new EvidenceBook();
    state.watch(rollout, [3, 4]);
    const versions = state.of(rollout)?.versions.map((evidence) => evidence.state()) ?? [];
    router.gathered.hear({ ...rollout, router: 'b', startedAtMs: 1, saidAtMs: 2, versions });
    router.analyst.tick([route(ENDED)]);
    expect(router.book.of(rollout)?.answers).toBe(1);
    expect(router.gathered.of(rollout, { router: 'a', startedAtMs: 1 }).routers).toBe(1);
    expect(router.analyst.of(route(ENDED))?.arms[0]).toMatchObject({ answered: 20 });
  });

  it('compares each arm with the control, and calls the one bad that fails', () => {
    const router = new Router('a');
    router.analyst.tick([route()]);
    for (let i = 0; i < 5; i++) router.second(20, [4]);
    expect(router.arm(3)).toMatchObject({ variant: 'control', answered: 100, failed: 0, comparison: null });
    expect(router.arm(4)).toMatchObject({ variant: 'v4', answered: 100, failed: 100, comparison: { verdict: 'fail' } });
    expect(router.arm(4)?.comparison?.reason).toMatch(/^errors: version 4 \d+ of \d+, version 3 0 of/);
    expect(router.arm(5)).toMatchObject({ isReady: false, comparison: { verdict: 'not_yet' } });
    expect(router.decided).toContain('4 fail');
    expect(router.arm(3)?.p50Ms).toBeGreaterThan(5);
    expect(router.analyst.verdicts()).toContainEqual({
      ...{ project: 'p', experiment: 'prices', version: 4, verdict: 'fail' },
    });
  });

  it('judges an arm by its labels, too, where nothing else is wrong with it', () => {
    const router = new Router('a');
    router.analyst.tick([route()]);
    for (let second = 1; second <= 20; second++) {
      const cell = (version: number, mean: number) => {
        const count = 100 * second;
        return { version, weight: 42, count, mean, m2: count * 0.01 };
      };
      const cells = [cell(3, 0.2), cell(4, 0.5), cell(5, 0.2)];
      router.losses.hear({
        project: 'p',
        createdAtMs: 0,
        partition: 0,
        fromRevision: EXPERIMENT.fromRevision,
        cells,
        entities: [],
      });
      router.second(20);
    }
    expect(router.arm(4)?.comparison).toMatchObject({ verdict: 'fail', reason: expect.stringMatching(/^quality: /) });
    expect(router.arm(5)?.comparison?.verdict).not.toBe('fail');
  });

  it('splits alpha over the arms, and over the criteria of each', () => {
    const router = new Router('a');
    router.analyst.tick([route()]);
    router.second(10);
    const alphas = [4, 5].flatMap(
      (version) => router.arm(version)?.comparison?.criteria.map(({ alpha }) => alpha) ?? [],
    );
    expect(alphas).toHaveLength(12);
    expect(alphas.reduce((sum, alpha) => sum + alpha, 0)).toBeCloseTo(DEFAULT_ANALYSIS.alpha, 12);
  });

  it('never waits for a person: what is undecided stays so until the experiment ends', () => {
    const router = new Router('a');
    router.analyst.tick([route()]);
    router.second(5);
    router.nowMs += 10 * DEFAULT_ANALYSIS.inconclusiveAfterMs;
    router.second(5);
    expect(router.arm(4)?.comparison?.verdict).toBe('not_yet');
  });

  it('adds up what all routers counted', () => {
    const [one, two] = [new Router('a'), new Router('b')];
    [one.others, two.others] = [[two], [one]];
    for (const router of [one, two]) router.analyst.tick([route()]);
    for (let i = 0; i < 3; i++) for (const router of [one, two]) router.second(10);
    for (const router of [one, two]) router.second(0);
    for (const router of [one, two]) {
      expect(router.analyst.of(route())?.routers).toBe(2);
      expect(router.arm(4)).toMatchObject({ answered: 60 });
    }
  });

  it('counts before the project file is read, and keeps the figures of one that has ended', () => {
    const router = new Router('a');
    router.isRead = false;
    router.analyst.tick([route()]);
    router.second(10);
    expect(router.arm(4)).toMatchObject({ answered: 0, comparison: null });
    router.isRead = true;
    router.second(10);
    router.second(0, [], route(ENDED));
    expect(router.arm(4, route(ENDED))).toMatchObject({ answered: 20 });
    expect(router.book.isCounting).toBe(false);
    expect(router.analyst.verdicts()).toEqual([]);
    expect(router.analyst.of(route())?.waitsFor).toContain('serving to load version 5');
    expect(router.analyst.of(route(ENDED))?.waitsFor).toBe('');
    router.analyst.forget('p');
    expect(router.arm(4, route(ENDED))).toMatchObject({ answered: 0 });
    expect(router.analyst.of({ ...route(), experiment: undefined })).toBeUndefined();
  });

  it('of the next experiment begins with nothing', () => {
    const router = new Router('a');
    router.analyst.tick([route()]);
    router.second(10);
    const next = route({ ...EXPERIMENT, fromRevision: 20 });
    router.second(0, [], route(ENDED));
    router.second(0, [], next);
    expect(router.arm(4, next)).toMatchObject({ answered: 0 });
  });
});
