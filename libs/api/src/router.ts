// The router's control API (8003): routes, rollouts, and what became of requests.

import {
  EXPERIMENT_MS_MAX,
  EXPERIMENT_MS_MIN,
  ROLLOUT_PHASES,
  SHADOW_SHARE_DEFAULT,
  SHADOWS_MAX,
  STEPS_MAX,
  TARGETS_MAX,
} from '@millrace/routing';
import Type from 'typebox';
import { RolloutAnalysis } from './analysis.js';
import { get, post } from './endpoint.js';
import { armWeights, Experiment, ExperimentStatus, experimentName } from './experiment.js';
import { answer, body, count, figure, note, nullable, timeMs, version, versionOrNone, word } from './values.js';

const Target = answer({ version: version(), weight: Type.Number({ minimum: 0, maximum: 100 }), name: Type.String() });

const Steps = answer(
  {
    plan: Type.Array(
      answer({
        weight: count('Percent for the new version; in a check 0 or 100.'),
        forMs: Type.Optional(count('At least; else a person.')),
        copies: Type.Optional(
          count('Of a check: percent of the requests that are copied to the version without traffic.'),
        ),
        withinMs: Type.Optional(count('Of a check: what the analysis may take before a person is asked.')),
      }),
      { maxItems: STEPS_MAX, description: 'As it was when the rollout began.' },
    ),
    at: count('Place in the plan, from 0.'),
    sinceMs: timeMs('When this step began, in processing time.'),
    dueMs: Type.Optional(timeMs('From when on the next step may come; absent: a person says when.')),
    fromRevision: count('Of the route in which the rollout got its first traffic.'),
    salt: count('Which entities meet the version first; another one for each rollout.'),
    baseline: Type.Array(answer({ version: version(), weight: count() }), {
      description: 'Who had the traffic before: an abort goes back to it.',
    }),
    pause: Type.Optional(answer({ sinceMs: timeMs(), reason: Type.String(), by: Type.String() })),
    untilMs: Type.Optional(timeMs('A person is asked then, where the analysis of the check has not agreed.')),
  },
  'RolloutSteps',
);

const Progress = answer(
  {
    version: version(),
    step: count('From 1.'),
    steps: count(),
    weight: count('Percent that the version has.'),
    nextWeight: count('Percent at the next step; 100: the end.'),
    sinceMs: timeMs(),
    nextMs: nullable(
      timeMs('From when on the next step may come, also where that is over; null: a person says when, or labels do.'),
    ),
    waitsFor: Type.String({ description: 'A clause: waits for …' }),
    check: nullable(word(['before', 'after'], 'In which check of the switch it is; null: it shares the traffic.')),
    untilMs: nullable(
      timeMs(
        'When a person is asked, where the analysis of the check has not agreed; or a bandit ends without labels.',
      ),
    ),
    preview: nullable(
      Type.String({ description: 'What the version answers to as a model version while it has no traffic.' }),
    ),
  },
  'RolloutProgress',
);

const traffic = {
  revision: count('Grows by one with each change; commands carry the revision they expect.'),
  targets: Type.Array(Target),
  loadedVersions: Type.Array(version()),
  previousVersion: versionOrNone(),
  rollout: answer({
    phase: word(ROLLOUT_PHASES),
    version: versionOrNone(),
    message: Type.String(),
    /** While progressing. */
    steps: Type.Optional(Steps),
    /** While loading: for a rollback. */
    back: Type.Optional(Type.Boolean()),
    loadingSinceMs: Type.Optional(timeMs('While loading: its time-out counts from here.')),
  }),
  keepUntilMs: Type.Optional(timeMs('From then on versions without traffic are unloaded; absent: nothing is due.')),
  changedAtMs: timeMs(),
  reason: Type.String(),
};

/** What the dashboard shows of a route. */
export const RouteTraffic = answer(
  {
    ...traffic,
    shares: Type.Array(answer({ version: version(), weight: Type.Number({ minimum: 0, maximum: 100 }) }), {
      description: 'Percent of all live traffic, arms of an experiment included; not always whole.',
    }),
    experiment: nullable(
      answer({
        name: Type.String(),
        control: version(),
        arms: Type.Array(
          answer({
            version: version(),
            isReady: Type.Boolean({ description: 'Serving has it; else its share goes to the control arm.' }),
          }),
        ),
        share: count('Percent of the traffic that takes part.'),
        endsAtMs: timeMs('When it ends by itself.'),
      }),
    ),
    progress: nullable(Progress),
  },
  'RouteTraffic',
);

const Route = answer(
  {
    project: Type.String(),
    ...traffic,
    shadows: Type.Array(version(), { description: 'Versions that get copies of requests.' }),
    shadowShare: Type.Integer({
      minimum: 0,
      maximum: 100,
      description: 'Percent of the requests that are copied; 0 without shadows.',
    }),
    experiment: Type.Optional(Experiment),
    correlationId: Type.String(),
  },
  'Route',
);

const Switch = answer(
  {
    atMs: timeMs(),
    fromVersion: versionOrNone(),
    toVersion: versionOrNone(),
    reason: Type.String(),
    correlationId: Type.String(),
    revision: count(),
    effectiveMs: Type.Number({ description: 'From the command to the moment from which only the new route is used.' }),
    failed: count('Requests that failed from the command to one second after it was in force.'),
  },
  'Switch',
);

const ControlAnswer = answer({ route: Route, switch: nullable(Switch) }, 'ControlAnswer');

const command = {
  reason: Type.Optional(note('Kept with the change.')),
  correlationId: Type.Optional(note('Ties the steps of one episode together; default: the id of the command.')),
  expectedRevision: Type.Optional(count('A conflict where the route has another one; 0 = whatever is current.')),
  issuedBy: Type.Optional(note('Who asks; default: what it was asked with (`tool`).')),
};

const Latency = answer({ requests: count(), p50Ms: figure(), p99Ms: figure() });
const Series = {
  requests: count(),
  failures: count(),
  byStatus: Type.Record(Type.String(), count()),
  latency: answer({ sinceStart: Latency, lastMinute: Latency }),
};

const ShadowPair = answer(
  {
    project: Type.String(),
    live: versionOrNone(),
    shadow: versionOrNone(),
    requests: count('Answered by both versions, and compared.'),
    uncompared: count('Answered by both, with other outputs or shapes, many times, or with too much to keep.'),
    rows: count(),
    disagreeing: count('Rows that the versions decide differently.'),
    notFinite: count('Numbers of the first output that are finite in one answer alone.'),
    disagreement: nullable(Type.Number({ description: 'Share of the rows.' })),
    meanDifference: nullable(Type.Number({ description: 'Mean absolute difference of the first output.' })),
  },
  'ShadowPair',
);

const percent = (description: string) => Type.Integer({ minimum: 1, maximum: 100, description });

const project = '/v1/projects/{project}';

const ofRollout = (action: string, summary: string) =>
  post({
    path: `${project}/rollout/${action}`,
    summary,
    body: body({ version: Type.Optional(version()), ...command }),
    answer: ControlAnswer,
  });

export const routerApi = {
  service: 'router',
  summary: 'Which versions get the traffic of a project, and how the requests went.',
  endpoints: {
    routes: get({ path: '/v1/routes', summary: 'Every route.', answer: answer({ routes: Type.Array(Route) }) }),
    route: get({
      path: `${project}/route`,
      summary: 'The route of a project.',
      answer: answer({ route: Route, preview: Type.Optional(versionOrNone()) }),
    }),
    startRollout: post({
      path: `${project}/rollouts`,
      summary: 'Loads a version, waits until it is ready, and moves the traffic as the project’s strategy says.',
      body: body({
        version: version(),
        force: Type.Optional(
          Type.Boolean({
            description: 'Also where the version was judged and is not blessed; takes issuedBy.',
          }),
        ),
        ...command,
      }),
      answer: ControlAnswer,
    }),
    promote: post({
      path: `${project}/promote`,
      summary: 'Moves all traffic to a loaded version.',
      body: body({ version: version(), ...command }),
      answer: ControlAnswer,
    }),
    rollback: post({
      path: `${project}/rollback`,
      summary: 'Moves all traffic back to the previous version.',
      body: body(command),
      answer: ControlAnswer,
    }),
    setWeights: post({
      path: `${project}/weights`,
      summary: 'Splits the traffic between loaded versions; weights add up to 100.',
      body: body({
        weights: Type.Array(body({ version: version(), weight: Type.Integer({ minimum: 0, maximum: 100 }) }), {
          minItems: 1,
          maxItems: TARGETS_MAX,
        }),
        ...command,
      }),
      answer: ControlAnswer,
    }),
    setShadows: post({
      path: `${project}/shadows`,
      summary: 'Sends copies of a share of the requests to loaded versions, whose answers nobody sees.',
      body: body({
        versions: Type.Array(version(), { maxItems: SHADOWS_MAX, description: 'None: no copies.' }),
        share: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: 100,
            description: `Percent of the requests; default ${SHADOW_SHARE_DEFAULT}.`,
          }),
        ),
        ...command,
      }),
      answer: ControlAnswer,
    }),
    advanceRollout: ofRollout('skip', 'The next step of the rollout under way, now.'),
    pauseRollout: ofRollout('pause', 'No step of the rollout comes by itself until it is resumed.'),
    resumeRollout: ofRollout('resume', 'The rollout goes on with the time that its step had left.'),
    abortRollout: ofRollout('abort', 'All traffic back to who had it before the rollout, which has failed.'),
    startExperiment: post({
      path: `${project}/experiment`,
      summary: 'Begins an A/B/n experiment: versions side by side until its time is over.',
      body: body({
        name: experimentName(),
        arms: armWeights('Whole percents that add up to 100, two versions or more.'),
        control: Type.Optional(version()),
        share: Type.Optional(percent('Percent of the traffic that takes part; default 100.')),
        forMs: Type.Integer({
          minimum: EXPERIMENT_MS_MIN,
          maximum: EXPERIMENT_MS_MAX,
          description: 'It ends by itself after so long.',
        }),
        force: Type.Optional(
          Type.Boolean({ description: 'Also where an arm was judged and is not blessed; takes issuedBy.' }),
        ),
        ...command,
      }),
      answer: ControlAnswer,
    }),
    experiment: get({
      path: `${project}/experiment`,
      summary: 'The running experiment, or the last one, and how its arms compare; null: there was none yet.',
      answer: answer({ experiment: nullable(ExperimentStatus) }),
    }),
    setExperimentWeights: post({
      path: `${project}/experiment/weights`,
      summary: 'Other weights for the arms: only the difference moves.',
      body: body({
        name: Type.Optional(experimentName()),
        weights: armWeights('Of every arm; one of 0 gets nobody.'),
        share: Type.Optional(percent('Percent of the traffic that takes part; default as it was.')),
        ...command,
      }),
      answer: ControlAnswer,
    }),
    endExperiment: post({
      path: `${project}/experiment/end`,
      summary: 'All traffic as it was before the experiment, or to the arm that has won.',
      body: body({ name: Type.Optional(experimentName()), winner: Type.Optional(version()), ...command }),
      answer: ControlAnswer,
    }),
    analysis: get({
      path: `${project}/analysis`,
      summary: 'What is thought of the rollout under way, or was of the last one; null: there was none yet.',
      answer: answer({ analysis: nullable(RolloutAnalysis) }),
    }),
    switches: get({
      path: `${project}/switches`,
      summary: 'Changes of live traffic, newest last.',
      answer: answer({ switches: Type.Array(Switch) }),
    }),
    stats: get({
      path: '/v1/stats',
      summary: 'Requests, failures and latency, in all and by project and version.',
      query: body({ project: Type.Optional(Type.String()) }),
      answer: answer({
        ...Series,
        versions: Type.Array(answer({ project: Type.String(), version: versionOrNone(), ...Series })),
        shadows: answer(
          {
            dropped: answer({
              busy: count('The router had much to do.'),
              in_flight: count('As many copies were not settled.'),
              bytes: count('Their bytes were too many.'),
            }),
            versions: Type.Array(answer({ project: Type.String(), version: versionOrNone(), ...Series })),
            pairs: Type.Array(ShadowPair),
          },
          'ShadowTraffic',
        ),
        relay: answer({
          up: Type.Boolean(),
          /** host:port of the servings that a stream leads to. */
          servings: Type.Array(Type.String()),
          /** Those among them that get nothing for a while: they fail or lag where the others do not. */
          ejected: Type.Array(Type.String()),
          inFlight: count(),
          retried: count(),
          retriesRefused: count('Not sent once more, because the budget of retries was spent.'),
          shed: count('Refused because they would have been answered after their deadline.'),
          shedByLag: count('Those among them that the lag of the router itself would have made late.'),
          brokenStreams: count(),
          corruptMessages: count(),
        }),
      }),
    }),
  },
};
