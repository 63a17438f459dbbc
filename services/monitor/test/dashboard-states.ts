// The monitor as the dashboard meets it, in each state that a person comes across: the real engine fed with rows,
// the real views and page, at a fixed time. There is no Kafka, and the trainer's words are given.

import type { AnswerOf, routerApi, trainerApi } from '@millrace/api';
import { binaryOutputs, seededRng } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { type Experiment, emptyRoute, type RolloutSteps, type Route, type RouteTarget } from '@millrace/routing';
import { buildReferenceProfile } from '@millrace/statistics';
import { aLabel, aPrediction } from '@millrace/testing';
import type { ViewSources } from '../src/api/views.js';
import { AuditBook } from '../src/audit/audit-book.js';
import { Annotations } from '../src/live/annotations.js';
import { LastTold } from '../src/live/last-told.js';
import { LiveTrafficByProject } from '../src/live/live-traffic.js';
import { Loops } from '../src/live/loops.js';
import { Marks } from '../src/live/marks.js';
import { MetadataCache } from '../src/metadata/metadata-cache.js';
import { termsOf } from '../src/quality/task-terms.js';
import { TrafficHistory } from '../src/software/traffic-history.js';
import { Engine } from '../src/windows/engine.js';

/** Processing time of every state: five seconds past a full minute. */
export const NOW_MS = Date.UTC(2026, 2, 10, 14, 32, 5);
const WINDOW_MS = 60_000;
export const MIN_ROWS = 100;
const FEATURES = ['amount', 'income'] as const;

type TrainerLoop = AnswerOf<typeof trainerApi.endpoints.loop>;
type LoopTold = Pick<TrainerLoop, 'phase' | 'waits' | 'history'> &
  Partial<Pick<TrainerLoop, 'episode' | 'openDrifts' | 'asked'>>;
type Analysis = NonNullable<AnswerOf<typeof routerApi.endpoints.analysis>['analysis']>;

export interface StateProject {
  name: string;
  versions: number;
  /** Weights by version; none: nothing is served. */
  targets?: readonly Omit<RouteTarget, 'name'>[];
  windows?: number;
  rowsPerWindow?: number;
  /** From this window on the amount is another. */
  shiftFrom?: number;
  /** The version that answers row `i` of window `w`. */
  versionOf?: (w: number, i: number) => number;
  /** Windows without any row. */
  silent?: readonly number[];
  /** The packages bring no reference: first rows become it. */
  withoutReference?: boolean;
  /** The project is watched only; its version was registered and held to no gate. */
  unlabelled?: boolean;
  /** Such as 30d: no label has come yet. */
  labelDelay?: string;
  /** Labels name predictions that nobody made. */
  lostLabels?: boolean;
  /** Traffic comes every twenty seconds, in one. */
  bursts?: boolean;
  /** A change of the route and restarts of services within the last minutes. */
  marks?: boolean;
  /** Of version 2, in steps. */
  steps?: RolloutSteps;
  experiment?: Experiment;
  analysis?: Analysis;
  loop: LoopTold;
}

const told = (
  phase: LoopTold['phase'],
  waits: Partial<LoopTold['waits']> & { for: string },
  message?: string,
): LoopTold => ({
  phase,
  waits: { untilMs: null, clock: 'processing', ...waits },
  history: message === undefined ? [] : [{ atMs: NOW_MS - 95_000, phase, message, correlationId: '' }],
});

const CALM = told('calm', { for: 'drift of any feature, the score or the quality' }, 'version 1 is live');
const FIRST = told('calm', { for: 'a first blessed version' });
const UNTRAINED = told('calm', { for: 'nothing: the project has no label, so it is watched and never trained' });
const SETTLING = told(
  'settling',
  { for: '2 dataset versions with rows from after the drift', untilMs: NOW_MS + 115_000, clock: 'event' },
  'drift of amount: ks 0.384 against 0.1',
);
const COOLING = told(
  'cooling',
  { for: 'the pause after a retraining to end', untilMs: NOW_MS + 600_000 },
  'version 2 is live',
);

const DRIFTS: Pick<LoopTold, 'episode' | 'openDrifts'> = {
  episode: {
    ...{ id: 'c', feature: 'amount', detector: 'ks', trainingId: '', version: 0, datasetVersions: [] },
    startedAtMs: NOW_MS - 95_000,
  },
  openDrifts: [
    {
      ...{ eventId: 'e', feature: 'income', detector: 'psi', value: 0.3, threshold: 0.2, version: 1, tries: 1 },
      ...{ windowStartMs: NOW_MS - 605_000, windowEndMs: NOW_MS - 545_000, againAtMs: 0 },
    },
  ],
};

const QUIET: StateProject = {
  name: 'loans',
  versions: 1,
  targets: [{ version: 1, weight: 100 }],
  windows: 40,
  loop: CALM,
};
const ALARMS: StateProject = {
  ...QUIET,
  versions: 2,
  targets: [
    { version: 1, weight: 50 },
    { version: 2, weight: 50 },
  ],
  versionOf: (w, i) => (w < 36 || i % 2 === 0 ? 1 : 2),
  rowsPerWindow: 300,
  shiftFrom: 30,
  marks: true,
  loop: COOLING,
};
const STEPS: RolloutSteps = {
  plan: [{ weight: 5, forMs: 600_000 }, { weight: 20, forMs: 1_800_000 }, { weight: 50 }],
  ...{ at: 1, sinceMs: NOW_MS - 95_000, dueMs: NOW_MS + 1_705_000, fromRevision: 2, salt: 7 },
  baseline: [{ version: 1, weight: 100 }],
};
const criterion = (over: Partial<Analysis['criteria'][number]>): Analysis['criteria'][number] => ({
  ...{ criterion: 'errors', verdict: 'not_yet', unit: 'share', effect: '2 points more errors', evidence: 0.1 },
  stable: { figure: 0.002, k: 11, n: 5_402 },
  candidate: { figure: 0.003, k: 4, n: 1_351 },
  ...{ difference: 0.001, interval: { lower: -0.008, upper: 0.019 }, answersUntilSeen: 2_100 },
  ...{ alpha: 0.002, designEffect: 1 },
  ...over,
});
const ANALYSIS: Analysis = {
  ...{ verdict: 'not_yet', reason: 'errors and scores are open', isUnderWay: true, stable: 1, candidate: 2 },
  ...{ sinceMs: NOW_MS - 695_000, stepSinceMs: NOW_MS - 95_000, lookedAtMs: NOW_MS - 500, routers: 2, dryRun: false },
  answered: { stable: 5_402, candidate: 1_351, candidateAtStep: 402 },
  criteria: [
    criterion({}),
    criterion({
      ...{ criterion: 'latency', verdict: 'pass', unit: 'ms', effect: '5 % slower than 1.5 times the p95' },
      stable: { figure: 4.12, k: 270, n: 5_402 },
      candidate: { figure: 4.31, k: 71, n: 1_351 },
      ...{ difference: 0.003, answersUntilSeen: 0 },
    }),
    criterion({ criterion: 'unusable', verdict: 'no_data', interval: null, difference: null, effect: '1 point more' }),
    criterion({
      ...{ criterion: 'drift', unit: 'drifts', effect: 'an alarm of the monitor', answersUntilSeen: 0, alpha: 0 },
      stable: { figure: 0, k: 0, n: 0, says: 'no drift' },
      candidate: { figure: 1, k: 1, n: 1, says: 'amount drifts (psi 0.31, rings at 0.2, of 900 rows)' },
      ...{ difference: 1, interval: null },
    }),
    criterion({
      ...{ criterion: 'quality', unit: 'loss', effect: 'a mean loss .02 higher', answersUntilSeen: 3_000 },
      stable: { figure: 0.181, k: 2_040, n: 2_040 },
      candidate: { figure: 0.184, k: 512, n: 512 },
      ...{ difference: 0.0031, interval: { lower: -0.0217, upper: 0.0279 } },
    }),
  ],
};
const IN_STEPS: StateProject = {
  ...ALARMS,
  ...{ shiftFrom: 40, steps: STEPS, analysis: ANALYSIS },
  targets: [
    { version: 1, weight: 80 },
    { version: 2, weight: 20 },
  ],
  loop: told('rolling_out', { for: 'the steps of the rollout of version 2, or a person who has paused them' }, 'drift'),
};
/** Version 1 is what the targets say; half of the traffic meets the arms. */
const IN_EXPERIMENT: StateProject = {
  ...ALARMS,
  targets: [{ version: 1, weight: 100 }],
  experiment: {
    ...{ name: 'prices', salt: 9, control: 1, share: 50, fromRevision: 2, startedBy: 'ada' },
    arms: [
      { version: 1, weight: 40, slots: Array.from({ length: 40 }, (_, slot) => slot), isReady: true },
      { version: 2, weight: 60, slots: Array.from({ length: 60 }, (_, slot) => 40 + slot), isReady: true },
    ],
    ...{ startedAtMs: NOW_MS - 100_000, endsAtMs: NOW_MS + 1_700_000 },
  },
};
/** No router has said anything of it yet. */
const { analysis: _, ...WITHOUT_ANALYSIS } = IN_STEPS;
/** As long as names and reasons may be, without a place to break a line. */
const LONG_NAME = 'claims-triage-'.repeat(4) + 'north-1';
const LONG_WORD = 'Donaudampfschifffahrtsgesellschaft'.repeat(6);
const LONG: StateProject = {
  ...IN_STEPS,
  name: LONG_NAME,
  steps: { ...STEPS, pause: { sinceMs: NOW_MS - 30_000, reason: LONG_WORD, by: LONG_WORD.slice(0, 100) } },
  analysis: { ...ANALYSIS, verdict: 'inconclusive', reason: LONG_WORD },
  loop: {
    ...told('approval', { for: `a second person beside ${LONG_WORD} to approve`, untilMs: NOW_MS + 5_000_000 }),
    history: [{ atMs: NOW_MS - 95_000, phase: 'approval', message: LONG_WORD, correlationId: '' }],
    asked: {
      ...{ about: 'retraining c since 1', what: LONG_WORD, sinceMs: NOW_MS - 95_000 },
      ...{ expiresAtMs: NOW_MS + 5_000_000, approvers: 2, wanted: 1 },
      given: [{ by: LONG_WORD.slice(0, 100), reason: LONG_WORD, atMs: NOW_MS - 30_000 }],
    },
  },
};
/** Eight arms of a hundred versions, two of which serving lacks. */
const CROWDED: StateProject = {
  ...QUIET,
  versions: 100,
  experiment: {
    ...{ name: LONG_NAME, salt: 9, control: 93, share: 80, fromRevision: 2, startedBy: LONG_WORD.slice(0, 100) },
    arms: Array.from({ length: 8 }, (_, arm) => ({
      ...{ version: 93 + arm, weight: arm < 4 ? 12 : 13, isReady: arm < 6 },
      slots: Array.from({ length: 100 }, (_, slot) => slot).filter((slot) => slot % 8 === arm),
    })),
    ...{ startedAtMs: NOW_MS - 100_000, endsAtMs: NOW_MS + 1_700_000 },
  },
};
/** Version 2 has no traffic yet: it gets copies, and can be asked by its preview. */
const IN_CHECK: StateProject = {
  ...IN_STEPS,
  targets: [{ version: 1, weight: 100 }],
  steps: {
    ...{ ...STEPS, plan: [{ weight: 0, forMs: 600_000, copies: 10, withinMs: 1_800_000 }], at: 0 },
    untilMs: NOW_MS + 1_705_000,
  },
};
const ASKED: LoopTold = {
  ...told('approval', { for: 'a second person beside anna to approve the retraining', untilMs: NOW_MS + 5_000_000 }),
  history: [
    { atMs: NOW_MS - 695_000, phase: 'settling', message: 'drift of amount: ks 0.384 against 0.1', correlationId: '' },
    {
      ...{ atMs: NOW_MS - 95_000, phase: 'approval', correlationId: '' },
      message:
        'a retraining would save about 12 to 40 until 17 Mar, it costs 9; 2 dataset versions; waiting for approval',
    },
  ],
  ...DRIFTS,
  asked: {
    ...{ about: 'retraining c since 1', what: 'the retraining', sinceMs: NOW_MS - 95_000 },
    ...{ expiresAtMs: NOW_MS + 5_000_000, approvers: 2, wanted: 1 },
    given: [{ by: 'anna', reason: 'the storm is over', atMs: NOW_MS - 30_000 }],
  },
};
/** What people did to loans. */
export function auditOfStates(): AuditBook {
  const book = new AuditBook(() => 'sound');
  const said = { writer: 'w', previousSha256: '', sha256: '', correlationId: '', project: 'loans' };
  const entries = [
    {
      ...{
        who: '',
        tool: 'router',
        address: '',
        action: 'route.move',
        subject: 'version 2',
        reason: 'a blessed version',
      },
      ...{ result: 'applied' as const, detail: 'revision 2: version 1 80 %, version 2 20 %', atMs: NOW_MS - 95_000 },
    },
    {
      ...{ who: 'bob', tool: 'cli', address: '10.0.0.7', action: 'route.advance', subject: 'version 2' },
      ...{ reason: 'it looks fine', result: 'refused' as const, atMs: NOW_MS - 60_000 },
      detail: 'expected revision 1, it is 2',
    },
    {
      ...{ who: 'anna', tool: 'dashboard', address: '10.0.0.9', action: 'loop.approve', subject: 'the retraining' },
      ...{ reason: 'the storm is over', result: 'applied' as const, atMs: NOW_MS - 30_000 },
      detail: 'the retraining is approved (anna: the storm is over): it waits for a second person beside anna',
    },
  ];
  for (const [i, entry] of entries.entries()) book.hear({ ...said, ...entry, sequence: i + 1, id: `c-${i}` });
  const long = { ...{ who: LONG_WORD.slice(0, 100), tool: 'http', address: 'fd00:1:2:3:4:5:6:7' }, reason: LONG_WORD };
  const change = { action: 'route.set-experiment-weights', subject: LONG_WORD, result: 'refused' as const };
  const entry = { ...said, ...long, ...change, atMs: NOW_MS - 10_000, detail: LONG_WORD };
  book.hear({ ...entry, project: LONG_NAME, sequence: entries.length + 1, id: 'c-long' });
  return book;
}

const NO_MODEL: StateProject = { name: 'churn', versions: 0, loop: FIRST };

/** By what each is to be looked at for. */
export const STATES: Readonly<Record<string, readonly StateProject[]>> = {
  empty: [],
  'no-model': [{ ...NO_MODEL, name: 'loans' }],
  'no-traffic': [{ ...QUIET, windows: 0 }],
  quiet: [QUIET],
  alarms: [ALARMS],
  'loop-waits': [
    { ...ALARMS, versions: 1, targets: [{ version: 1, weight: 100 }], versionOf: () => 1, loop: SETTLING },
  ],
  'loop-drifts': [{ ...QUIET, loop: { ...SETTLING, ...DRIFTS } }],
  'rollout-in-steps': [IN_STEPS],
  'rollout-in-check': [IN_CHECK],
  experiment: [IN_EXPERIMENT],
  'long-names': [LONG],
  '100-versions': [CROWDED],
  'rollout-no-data': [WITHOUT_ANALYSIS],
  'rollout-paused': [
    {
      ...IN_STEPS,
      steps: { ...STEPS, pause: { sinceMs: NOW_MS - 30_000, reason: 'latency looks odd', by: 'bob' } },
      analysis: { ...ANALYSIS, verdict: 'inconclusive', reason: 'errors: 4 of 1,351 against 11 of 5,402 is open' },
    },
  ],
  'loop-asks': [{ ...QUIET, loop: ASKED }],
  'left-version': [
    {
      ...ALARMS,
      targets: [
        { version: 1, weight: 0 },
        { version: 2, weight: 100 },
      ],
      versionOf: (w) => (w < 39 ? 1 : 2),
      marks: false,
    },
  ],
  bursts: [{ ...QUIET, bursts: true }],
  'lost-labels': [{ ...QUIET, lostLabels: true }],
  'first-window': [{ ...QUIET, windows: 1 }],
  'no-label': [{ ...QUIET, windows: 12, unlabelled: true, loop: UNTRAINED }],
  'no-label-model': [{ ...NO_MODEL, name: 'loans', unlabelled: true, loop: UNTRAINED }],
  'own-reference': [{ ...QUIET, windows: 2, rowsPerWindow: 406, withoutReference: true }],
  pause: [{ ...QUIET, silent: [20, 21, 22] }],
  'too-few-rows': [{ ...QUIET, windows: 12, rowsPerWindow: 37 }],
  'waits-for-labels': [{ ...QUIET, windows: 12, labelDelay: '30d' }],
  'many-versions': [
    {
      ...QUIET,
      versions: 12,
      versionOf: (w, i) => 1 + Math.min(11, Math.floor(w / 3) + (i % 3 === 0 ? 1 : 0)),
      targets: [10, 11, 12].map((version, i) => ({ version, weight: [20, 30, 50][i] as number })),
      rowsPerWindow: 300,
    },
  ],
  overview: [QUIET, { ...ALARMS, name: 'flights' }, NO_MODEL],
};

export async function sourcesOf(projects: readonly StateProject[]): Promise<ViewSources> {
  const metadata = new MetadataCache();
  const traffic = new TrafficHistory();
  const liveTraffic = new LiveTrafficByProject();
  const marks = new Marks(NOW_MS - 3_600_000);
  const loops = new Loops((name) => {
    const project = projects.find((each) => each.name === name);
    if (project === undefined) throw new Error(`no project ${name}`);
    return Promise.resolve({ ...SILENT, ...project.loop });
  });
  const engine = new Engine({
    project: (name) => metadata.project(name),
    metadata,
    traffic,
    idleMs: { predictions: 5_000, labels: 5_000 },
    joinRowsMax: 1_000_000,
    retainedWindows: 4,
    windowsKept: 1_000,
    terms: termsOf,
    judges: () => true,
  });
  let offset = 0;
  for (const project of projects) {
    declare(metadata, marks, project);
    offset = feed(engine, project, offset);
    watched(traffic, liveTraffic, marks, project);
  }
  engine.close(NOW_MS);
  const analyses = new LastTold(async (name) => projects.find((project) => project.name === name)?.analysis ?? null);
  const annotations = new Annotations();
  const sources: ViewSources = { engine, metadata, traffic, liveTraffic, annotations, loops, analyses, marks };
  // The first look asks; what was asked is told when this turn is over.
  for (const { name } of projects) for (const asked of [loops, analyses]) asked.of(name, NOW_MS);
  await new Promise<void>((resolve) => setImmediate(resolve));
  return sources;
}

const SILENT: Omit<TrainerLoop, 'phase' | 'waits' | 'history'> = {
  liveVersion: 1,
  previousVersion: 0,
  waitingVersion: 0,
  episode: null,
  openDrifts: [],
  coolUntilMs: 0,
};

function declare(
  metadata: MetadataCache,
  marks: Marks,
  {
    name,
    versions,
    targets = [],
    marks: marked,
    withoutReference = false,
    unlabelled = false,
    labelDelay = '1s',
    steps,
    experiment,
  }: StateProject,
): void {
  const parsed = parseProject(fileOf(name, unlabelled ? null : labelDelay), 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  metadata.setProject(parsed.project);
  const rng = seededRng(1);
  const numbers = () => Array.from({ length: 20_000 }, () => rng.normal());
  const profile = buildReferenceProfile({
    features: FEATURES.map((feature) => ({ name: feature, kind: 'numeric', values: numbers() })),
    scoreName: 'probability',
    scores: Array.from({ length: 20_000 }, () => rng.next()),
    positiveShare: 0.5,
  });
  for (let version = 1; version <= versions; version++) {
    metadata.setReference(name, version, {
      profile: withoutReference ? undefined : profile,
      inputs: FEATURES.map((feature) => ({ name: feature, kind: 'numeric' })),
    });
    metadata.setModel(unlabelled ? { ...modelOf(name, version), ...NOT_JUDGED } : modelOf(name, version));
  }
  const route: Route = {
    ...emptyRoute(name),
    revision: 1,
    targets: targets.slice(0, 1).map((target) => ({ ...target, weight: 100, name: 'blue' })),
    loadedVersions: targets.map(({ version }) => version),
    changedAtMs: NOW_MS - 3_000_000,
  };
  marks.routed(undefined, route);
  const now: Route = {
    ...route,
    revision: 2,
    targets: targets.map((target, i) => ({ ...target, name: ['blue', 'green', 'canary'][i] as string })),
    changedAtMs: NOW_MS - 100_000,
    reason: 'a blessed version',
  };
  if (steps !== undefined) now.rollout = { phase: 'progressing', version: 2, message: '', steps };
  if (experiment !== undefined) now.experiment = experiment;
  if (marked) marks.routed(route, now);
  metadata.setRoute(now);
}

const labelOf = (delay: string) => `    - { name: denied, type: boolean, outcome: true }
  label: { name: denied, column: denied, delay: ${delay} }
`;
/** `labelDelay`: null = the project has no label. */
const fileOf = (name: string, labelDelay: string | null) => `name: ${name}
scope: { problem: Will the loan be denied? }
data:
  entity: id
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: id, type: text, required: true }
    - { name: amount, type: number, min: 0 }
    - { name: income, type: number }
${labelDelay === null ? '' : labelOf(labelDelay)}features: [{ name: amount, kind: numeric }, { name: income, kind: numeric }]
monitoring: { window: 1m, allowedLateness: 1s, minRows: ${MIN_ROWS} }
`;

const CHALLENGED = {
  ...{ championVersion: 1, championStanding: 'in service' },
  championComparison: {
    ...{ metric: 'log_loss', rows: 2_000, value: 0.5, other: 0.512, difference: -0.012 },
    ...{ lower: -0.018, upper: -0.006, confidence: 0.8 },
  },
};

const modelOf = (project: string, version: number) => ({
  project,
  version,
  packagePath: '',
  modelSha256: `${version}`.padStart(64, 'a0f3'),
  packageSha256: '',
  blessed: true,
  reasons: ['better than the trivial baseline'],
  verdict: 'better than the trivial baseline',
  warnings: [],
  evaluation: {
    rows: 2_000,
    metrics: { auc: 0.83, log_loss: 0.5, accuracy: 0.75 },
    positiveShare: 0.5,
    eventTimeFromMs: 0,
    eventTimeToMs: 1,
  },
  ...(version === 1 ? { championVersion: 0 } : CHALLENGED),
  baselines: [],
  slices: [],
  datasetVersions: ['d'.repeat(64)],
  trainingId: 't',
  workers: 2,
  seed: 1,
  createdAtMs: NOW_MS - 3_600_000,
  correlationId: '',
  trainRows: 8_000,
  trainSeconds: 3,
  origin: 'trained' as const,
  labelRule: '',
});

const NOT_JUDGED = {
  blessed: false,
  reasons: ['not judged: the project has no label'],
  verdict: 'not judged: the project has no label',
  evaluation: undefined,
  datasetVersions: [],
  workers: 0,
  trainRows: 0,
  trainSeconds: 0,
  origin: 'file' as const,
  labelRule: '',
};

/** Rows evenly over the windows before the newest full minute, labels a second later; gives the next offset. */
function feed(engine: Engine, project: StateProject, from: number): number {
  const {
    name,
    windows = 0,
    rowsPerWindow = 200,
    shiftFrom = windows,
    versionOf = () => 1,
    unlabelled,
    silent = [],
  } = project;
  const rng = seededRng(7);
  const startMs = NOW_MS - (NOW_MS % WINDOW_MS) - windows * WINDOW_MS;
  for (let i = 0; i < windows * rowsPerWindow; i++) {
    const w = Math.floor(i / rowsPerWindow);
    if (silent.includes(w)) continue;
    const eventTimeMs = startMs + Math.floor((i * WINDOW_MS) / rowsPerWindow);
    const probability = rng.next();
    const amount = rng.normal() + (w >= shiftFrom ? 0.8 + (w - shiftFrom) * 0.05 : 0);
    const predictionId = `r${i}/0`;
    const prediction = aPrediction({
      project: name,
      predictionId,
      eventTimeMs,
      answeredAtMs: eventTimeMs + 2,
      modelVersion: versionOf(w, i),
      features: [amount, rng.normal()],
      outputs: binaryOutputs(probability),
    });
    engine.applyPrediction(prediction, 0, from + i, eventTimeMs);
    if (unlabelled || project.labelDelay !== undefined) continue;
    const meant = project.lostLabels ? `lost${i}/0` : predictionId;
    const label = { project: name, recordId: `r${i}`, predictionId: meant, value: rng.next() < probability ? 1 : 0 };
    engine.applyLabel(aLabel({ ...label, eventTimeMs, knownAtMs: eventTimeMs + 1_000 }), 0, from + i, eventTimeMs);
  }
  return from + windows * rowsPerWindow;
}

/** Five minutes of traffic as it was applied, and what the router's counters said. */
function watched(traffic: TrafficHistory, live: LiveTrafficByProject, marks: Marks, project: StateProject): void {
  const { name, windows = 0, targets = [], marks: marked, bursts = false } = project;
  const rng = seededRng(3);
  for (let second = 300; windows > 0 && second >= 0; second--) {
    for (const { version, weight } of bursts && second % 20 !== 7 ? [] : targets) {
      const until = marked && second > 100 ? (version === 1 ? 100 : 0) : weight;
      for (let i = 0; i < Math.round((until / 10) * (0.8 + 0.4 * rng.next())); i++)
        live.of(name).prediction({ modelVersion: version, latencyUs: 700 + 900 * rng.next(), role: 'live' });
    }
    live.of(name).beat(NOW_MS - second * 1_000);
  }
  if (windows > 0) {
    const totals = (requests: number) => new Map([[1, { requests, failures: 0 }]]);
    traffic.read(name, totals(1_000), NOW_MS - 4_000, 'a');
    traffic.read(name, totals(1_020), NOW_MS - 2_000, 'a');
  }
  if (marked) marks.restarted('router', NOW_MS - 190_000);
  if (marked) marks.restarted('ingest', NOW_MS - 40_000);
}
