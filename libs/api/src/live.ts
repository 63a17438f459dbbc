// What changes by the second at the monitor (`now`, `live`, `overview`): traffic, the route, what is thought of a
// rollout, and what the loop does.

import Type from 'typebox';
import { RolloutAnalysis } from './analysis.js';
import { RouteTraffic } from './router.js';
import { Loop, OpenDrift } from './trainer.js';
import { answer, count, figure, nullable, timeMs, version, word } from './values.js';

export const Point = answer(
  {
    atMs: timeMs(),
    predictions: count(),
    labels: count(),
    p50Ms: figure(),
    p99Ms: figure(),
    byVersion: Type.Record(Type.String(), count()),
  },
  'Point',
);

export const ANNOTATION_STATES = ['running', 'done', 'failed'] as const;

export const Annotation = answer(
  {
    id: Type.String(),
    title: Type.String(),
    state: word(ANNOTATION_STATES),
    progress: nullable(Type.Number()),
    detail: Type.String(),
    startedAtMs: timeMs(),
    updatedAtMs: timeMs(),
  },
  'Annotation',
);

export const Counters = answer(
  {
    predictions: count(),
    reusedIds: count('Predictions that have the id of another one: labels of that id join none of them.'),
    labels: count(),
    labelsJoined: count(),
    ambiguousLabels: count('Of an id that several predictions have.'),
    unmatchedLabels: count(),
    windowsClosed: count(),
    labelsFromArchive: count('Joined when their window was over.'),
    qualityJudged: count('Windows.'),
    qualityCorrected: count('Judgements of quality that late labels changed.'),
    driftEvents: count(),
  },
  'Counters',
);

/** What a newcomer does next: a sentence, and commands to copy. */
export const Next = answer({ say: Type.String(), commands: Type.Array(Type.String()) }, 'Next');

const Decision = answer({ atMs: timeMs('Processing time.'), message: Type.String() }, 'LoopDecision');

/** What the trainer says of the closed loop, with the newest lines of its history. */
const LoopNow = answer(
  {
    phase: Loop.properties.phase,
    says: Type.String({ description: 'The phase in plain words.' }),
    waits: Loop.properties.waits,
    notes: Type.Array(Type.String(), { description: 'The drift that it answers, and drift that lasts.' }),
    last: nullable(Decision),
    decisions: Type.Array(Decision, { description: 'The newest ones, newest first.' }),
    openDrifts: Type.Array(OpenDrift),
    asked: Loop.properties.asked,
  },
  'LoopNow',
);

const Mark = answer(
  { kind: word(['rollout', 'restart']), atMs: timeMs('Processing time.'), text: Type.String() },
  'Mark',
);

export const Overview = answer(
  {
    name: Type.String(),
    problem: Type.String(),
    predictions: count('Rows seen since the project is watched.'),
    predictionsPerSecond: count('Of the last second.'),
    versions: count(),
    serving: Type.Array(answer({ version: version(), weight: Type.Number() }), { description: 'Live traffic.' }),
    activeAlarms: count(),
    idleAlarms: count('Of those, of versions that get no traffic any more.'),
    loop: nullable(LoopNow),
    next: nullable(Next),
  },
  'Overview',
);

export const Live = answer(
  {
    project: Type.String(),
    atMs: timeMs(),
    problem: Type.String(),
    minRows: nullable(count('Rows below which a window is not tested.')),
    labelled: Type.Boolean({ description: 'Whether the project has a label: without one quality is never known.' }),
    closesAtMs: nullable(timeMs('Event time after which the oldest open window closes.')),
    next: nullable(Next),
    loop: nullable(LoopNow),
    marks: Type.Array(Mark, { description: 'Rollouts and restarts of the last five minutes.' }),
    route: nullable(RouteTraffic),
    analysis: nullable(RolloutAnalysis),
    point: nullable(Point),
    router: nullable(answer({ requestsPerSecond: Type.Number(), failuresPerSecond: Type.Number() })),
    watermarkMs: nullable(timeMs('Event time.')),
    openWindows: Type.Array(answer({ startMs: timeMs(), endMs: timeMs(), predictions: count(), labels: count() })),
    counters: nullable(Counters),
    activeAlarms: count(),
    idleAlarms: count('Of those, of versions that get no traffic any more.'),
    labelsSay: Type.String({ description: 'Of labels that met no prediction, and what helps; empty: nothing to say.' }),
    lag: count('Messages not applied yet.'),
    annotations: Type.Array(Annotation),
  },
  'Live',
);
