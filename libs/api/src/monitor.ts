// The monitor's HTTP API (8040): windows and their tests, alarms, drift events, quality, and what is going on now.

import Type from 'typebox';
import { get, post, put, remove } from './endpoint.js';
import { ANNOTATION_STATES, Annotation, Counters, Live, Next, Overview, Point } from './live.js';
import { steeringEndpoints } from './steering.js';
import { answer, body, count, figure, nullable, timeMs, version, word } from './values.js';

/** Rows of an answer. */
const limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: 'Newest first; default 100.' }));

/** Pages: where a page ends, the next one goes on. */
const beforeMs = Type.Optional(timeMs('Only windows that start before; `nextBeforeMs` of the page before.'));
const nextBeforeMs = nullable(timeMs('`beforeMs` of the next page; null: this is the last one.'));

const Cohort = answer(
  {
    version: Type.Union([version(), Type.Literal('all')]),
    slice: Type.Union([answer({ column: Type.String(), value: Type.String() }), Type.Literal('all')]),
  },
  'Cohort',
);

const Quality = answer(
  {
    labelledRows: count(),
    auc: figure(),
    logLoss: figure(),
    accuracy: figure(),
    positiveShare: figure(),
    meanScore: figure(),
  },
  'Quality',
);

const Test = answer(
  {
    feature: Type.String({ description: 'A raw feature, or @score, @quality, @software.' }),
    detector: Type.String(),
    statistic: Type.Number(),
    threshold: Type.Number(),
    pValue: figure('Corrected for all tests of the window and cohort.'),
    alarm: Type.Boolean(),
    rows: count(),
  },
  'Test',
);

const Window = answer(
  {
    startMs: timeMs('Event time.'),
    endMs: timeMs('Exclusive.'),
    closedAtMs: timeMs('Processing time.'),
    qualityRevision: count('How often its quality was judged: once when its labels were there, again by late ones.'),
    labelsUntilMs: nullable(timeMs('Event time until which its quality waits for labels; null: it does not.')),
    cohorts: Type.Array(
      answer({
        cohort: Cohort,
        predictions: count(),
        labels: count(),
        coverage: figure('Share of the predictions that are labelled; null before quality was judged.'),
        quality: nullable(Quality),
        software: nullable(
          answer({
            requestsPerSecond: figure(),
            requests: count('Counted at the router while the window was answered; 0: no data.'),
            errorShare: figure('null: no data.'),
            p50Ms: figure(),
            p99Ms: figure(),
          }),
        ),
        tests: Type.Array(Test),
      }),
      { description: 'All versions together first.' },
    ),
  },
  'Window',
);

const Alarm = answer(
  {
    id: Type.String(),
    cohort: Cohort,
    subject: Type.String(),
    detector: Type.String(),
    phase: word(['calm', 'warning', 'drift']),
    value: Type.Number(),
    threshold: Type.Number(),
    pValue: figure(),
    formula: Type.String(),
    windowStartMs: timeMs('Of the window in which it became what it is.'),
    windowEndMs: timeMs(),
    sinceMs: timeMs('Start of the first window that rang.'),
    current: answer(
      { detector: Type.String(), value: Type.Number(), threshold: Type.Number(), windowEndMs: timeMs() },
      'AlarmNow',
    ),
    windows: count('That it has lasted.'),
    endedMs: nullable(timeMs('null while it lasts.')),
    endReason: nullable(word(['calm', 'retired', 'corrected'])),
    idle: Type.Boolean({ description: 'It lasts, and its version gets no traffic any more.' }),
  },
  'Alarm',
);

const DriftEvent = answer(
  {
    id: Type.String(),
    project: Type.String(),
    feature: Type.String(),
    detector: Type.String(),
    value: Type.Number(),
    threshold: Type.Number(),
    pValue: figure(),
    window: answer({ startMs: timeMs(), endMs: timeMs() }),
    rows: count(),
    coverage: Type.Optional(Type.Number({ description: 'Of @quality: the share of the rows that are labelled.' })),
    cohort: Cohort,
    correlationId: Type.String(),
    continues: Type.Optional(
      Type.String({ description: 'Id of the event before of the same drift: its version had no traffic meanwhile.' }),
    ),
    histogram: Type.Optional(
      answer({
        bins: Type.Array(Type.String()),
        reference: Type.Array(Type.Number()),
        live: Type.Array(Type.Number()),
      }),
    ),
    message: Type.Optional(Type.String()),
    formula: Type.String(),
    correction: nullable(
      answer(
        {
          id: Type.String(),
          alarming: Type.Boolean(),
          value: Type.Number(),
          threshold: Type.Number(),
          coverage: Type.Number(),
          message: Type.String(),
        },
        'DriftCorrection',
      ),
    ),
  },
  'DriftEvent',
);

const Model = answer(
  {
    version: version(),
    blessed: Type.Boolean(),
    reasons: Type.Array(Type.String()),
    verdict: Type.String({ description: 'Blessed or not, and why, in one sentence.' }),
    champion: nullable(
      answer(
        {
          version: version(),
          standing: Type.String({
            description: 'Why it was the one to beat: in service, the newest blessed, as asked.',
          }),
          metric: Type.String({ description: 'The title of the deciding one.' }),
          rows: count(),
          difference: figure('Of this version less of that one, on the same rows.'),
          lower: figure(),
          upper: figure(),
          confidence: Type.Number({ description: 'Of the interval.' }),
        },
        'Champion',
      ),
    ),
    auc: figure(),
    logLoss: figure(),
    evaluatedRows: count(),
    trainRows: count(),
    trainSeconds: Type.Number(),
    workers: count(),
    datasetVersions: Type.Array(Type.String()),
    sha256: Type.String(),
    createdAtMs: timeMs(),
    baselines: Type.Array(answer({ name: Type.String(), auc: figure(), logLoss: figure() })),
    reference: nullable(
      answer(
        {
          source: word(['package', 'first_rows']),
          rows: count('That it is made of, so far.'),
          of: count('Rows that it takes.'),
          complete: Type.Boolean({ description: 'Windows that were opened before are counted, not judged.' }),
        },
        'Reference',
      ),
    ),
  },
  'Model',
);

const Value = Type.Union([Type.Number(), Type.String(), Type.Boolean(), Type.Null()]);

const place = {
  partition: count('Of its topic.'),
  offset: count(),
};

const ArchivedPrediction = answer(
  {
    predictionId: Type.String(),
    entity: Type.String({ description: 'Empty where the client named none.' }),
    modelVersion: version(),
    modelSha256: Type.String({ description: 'Names the signature that the features follow.' }),
    role: word(['live', 'shadow']),
    eventTimeMs: timeMs('Event time; that of the answer where the client gave none.'),
    answeredAtMs: timeMs('Processing time.'),
    latencyUs: count(),
    features: Type.Array(Value, { description: "In the order of the model's signature." }),
    outputs: Type.Array(
      answer({
        name: Type.String(),
        value: Type.Union([Type.Number(), Type.String(), Type.Array(Type.Number()), Type.Array(Type.String())]),
      }),
    ),
    traceId: Type.String(),
    ...place,
  },
  'ArchivedPrediction',
);

const ArchivedLabel = answer(
  {
    predictionId: Type.String(),
    recordId: Type.String(),
    entity: Type.String(),
    value: Type.Number(),
    eventTimeMs: timeMs('Event time.'),
    knownAtMs: timeMs('0: not said.'),
    source: Type.String(),
    ...place,
  },
  'ArchivedLabel',
);

const Archive = answer(
  {
    project: Type.String(),
    files: count(),
    bytes: count(),
    predictions: count('Archived.'),
    labels: count('Archived.'),
    fromMs: nullable(timeMs('When the oldest was written; null: none was archived.')),
    toMs: nullable(timeMs('When the newest was written; what came later is archived within seconds.')),
    keepMs: count('So long they are kept; 0: nothing is archived.'),
    bytesMax: count('Where they take more, the oldest go.'),
    cut: nullable(
      answer({ throughMs: timeMs('Everything written before is gone.'), predictions: count(), labels: count() }),
    ),
    hold: nullable(Type.String({ description: 'Why nothing, or nothing that is newer, goes; null: nothing is held.' })),
    failure: nullable(Type.String({ description: 'Why this monitor cannot write now; null: it can.' })),
  },
  'Archive',
);

export const WEBHOOK_STATES = ['ready', 'resting', 'gone', 'faulty'] as const;

const Webhook = answer(
  {
    url: Type.String({ description: 'Without its query.' }),
    events: Type.Array(Type.String(), { description: 'Empty: all.' }),
    state: word(WEBHOOK_STATES, 'resting: it failed, and is tried again; gone: it said 410; faulty: no secret.'),
    says: Type.String({ description: 'Why it is not ready; empty: it is.' }),
    waiting: count(),
    delivered: count(),
    givenUp: count('No room, not taken within a day, or the receiver is gone.'),
    failures: count('In a row.'),
    nextTryMs: nullable(timeMs('Processing time.')),
    lastDeliveredAtMs: nullable(timeMs('Processing time.')),
    deadLetters: Type.Array(
      answer({
        id: Type.String(),
        type: Type.String(),
        sinceMs: timeMs('Processing time.'),
        diedAtMs: timeMs('Processing time.'),
        tries: count(),
        reason: Type.String(),
      }),
      { description: 'The newest of those that were given up.' },
    ),
  },
  'Webhook',
);

/** What a version is found to be. */
export const GOOD_VERDICTS = ['good', 'bad', 'unknown'] as const;
/** What a verdict may be required to rest on. */
export const GOOD_GROUNDS = ['software', 'scores', 'quality'] as const;

const VersionGood = answer(
  {
    project: Type.String(),
    version: version(),
    verdict: word(GOOD_VERDICTS, 'unknown: nobody knows, which is neither good nor bad.'),
    value: Type.Integer({
      minimum: -1,
      maximum: 1,
      description: 'The verdict for a metric: 1, 0, and -1 for unknown.',
    }),
    good: Type.Boolean({ description: 'Whether the verdict is good: false also where it is unknown.' }),
    reasons: Type.Array(answer({ code: Type.String(), message: Type.String() }), {
      description: 'Why it is not good.',
    }),
    grounds: Type.Array(word(GOOD_GROUNDS), { description: 'What was judged of it.' }),
    evidence: nullable(
      answer(
        {
          rows: count(),
          labels: count(),
          coverage: figure('Share of the rows that are labelled; null before quality was judged.'),
          windowStartMs: timeMs('Event time.'),
          windowEndMs: timeMs('Exclusive.'),
          closedAtMs: timeMs('Processing time.'),
        },
        'GoodEvidence',
      ),
    ),
    recent: answer({ requests: count(), failures: count(), seconds: count('Over so long.') }, 'RecentRequests'),
  },
  'VersionGood',
);

const project = '/v1/projects/{project}';

export const monitorApi = {
  service: 'monitor',
  summary: 'Windows of predictions with their tests, alarms, drift events and quality, and what is going on now.',
  endpoints: {
    projects: get({
      path: '/v1/projects',
      summary: 'Names of the watched projects.',
      answer: answer({ projects: Type.Array(Type.String()) }),
    }),
    overview: get({
      path: '/v1/overview',
      summary: 'Every watched project in a line, and what to do where there is none.',
      answer: answer({ atMs: timeMs(), projects: Type.Array(Overview), next: nullable(Next) }),
    }),
    detectors: get({
      path: '/v1/detectors',
      summary: 'How the number of each test comes about, and what subjects that are no features are called.',
      answer: answer({
        formulas: Type.Record(Type.String(), Type.String()),
        subjects: Type.Record(Type.String(), Type.String()),
      }),
    }),
    stats: get({
      path: '/v1/stats',
      summary: 'How far the monitor has read.',
      answer: answer({
        lag: count(),
        positions: Type.Array(answer({ stream: Type.String(), partition: Type.Integer(), next: Type.Integer() })),
        unknownProject: count(),
        replayed: count(),
        outbox: count('Closed windows not published yet.'),
        projects: Type.Array(Type.String()),
      }),
    }),
    windows: get({
      path: `${project}/windows`,
      summary: 'Closed windows, newest first. A page ends early where it has many tests.',
      query: body({ limit, beforeMs }),
      answer: answer({ project: Type.String(), windows: Type.Array(Window), nextBeforeMs }),
    }),
    alarms: get({
      path: `${project}/alarms`,
      summary: 'Alarms that last, and those that ended, newest first.',
      answer: answer({ project: Type.String(), alarms: Type.Array(Alarm), active: count() }),
    }),
    driftEvents: get({
      path: `${project}/drift-events`,
      summary: 'Drift events, newest first. A page has all of the windows that it reaches.',
      query: body({ limit, beforeMs }),
      answer: answer({ project: Type.String(), driftEvents: Type.Array(DriftEvent), nextBeforeMs }),
    }),
    quality: get({
      path: `${project}/quality`,
      summary: 'Figures of labelled rows between two event times, by cohort.',
      query: body({ fromMs: Type.Optional(timeMs()), toMs: Type.Optional(timeMs('Exclusive.')) }),
      answer: answer({
        project: Type.String(),
        fromMs: nullable(timeMs()),
        toMs: nullable(timeMs()),
        bucketMs: count('How fine a range can be.'),
        cohorts: Type.Array(Type.Evaluate(Type.Intersect([answer({ cohort: Cohort }), Quality]))),
      }),
    }),
    labelsJoined: get({
      path: `${project}/labels-joined`,
      summary: 'Labels that found their prediction.',
      query: body({
        cohort: Type.Optional(Type.String({ description: 'Such as all, 3 or 3;column=value. Default: all.' })),
      }),
      answer: answer({
        project: Type.String(),
        cohort: Cohort,
        labelsJoined: count(),
        byCohort: Type.Array(answer({ cohort: Type.Optional(Cohort), labelsJoined: count() })),
        counters: Counters,
      }),
    }),
    models: get({
      path: `${project}/models`,
      summary: 'Model versions as the dashboard shows them.',
      answer: answer({ project: Type.String(), models: Type.Array(Model) }),
    }),
    versionGood: get({
      path: `${project}/versions/{version}/good`,
      summary: 'Whether a version is good, bad or unknown, for whatever decides about its rollout.',
      query: body({
        require: Type.Optional(
          Type.String({
            pattern: `^(${GOOD_GROUNDS.join('|')})(,(${GOOD_GROUNDS.join('|')})){0,2}$`,
            description: `unknown without a judgement of these: ${GOOD_GROUNDS.join(', ')}, with commas between.`,
          }),
        ),
      }),
      answer: VersionGood,
    }),
    webhooks: get({
      path: `${project}/webhooks`,
      summary: 'The receivers that the project file declares, and what became of their events.',
      answer: answer({ project: Type.String(), webhooks: Type.Array(Webhook) }),
    }),
    testWebhooks: post({
      path: `${project}/webhooks/test`,
      summary: 'Sends a trial to each receiver, at once and once.',
      answer: answer({
        project: Type.String(),
        webhooks: Type.Array(answer({ url: Type.String(), taken: Type.Boolean(), says: Type.String() })),
      }),
    }),
    pulse: get({
      path: `${project}/pulse`,
      summary: 'The last five minutes, a point a second.',
      answer: answer({ project: Type.String(), points: Type.Array(Point) }),
    }),
    now: get({ path: `${project}/now`, summary: 'What live streams, once.', answer: Live }),
    live: get({
      path: `${project}/live`,
      summary: 'Server-sent events: a `live` event a second with what `now` answers.',
      answerType: 'text/event-stream',
      answer: Type.String(),
    }),
    archive: get({
      path: `${project}/archive`,
      summary: 'What the archive of predictions and labels holds, and how far back it goes.',
      answer: Archive,
    }),
    prediction: get({
      path: `${project}/prediction`,
      summary: 'A prediction out of the archive by its id, with the labels that came for it.',
      query: body({
        id: Type.String({ minLength: 1, maxLength: 1_024, description: 'Such as <request id>/<row>.' }),
        aroundMs: Type.Optional(timeMs('Its event time, where it is known: only files of a day around are read.')),
      }),
      answer: answer({
        project: Type.String(),
        predictions: Type.Array(ArchivedPrediction, {
          description: 'Newest first: several where a client used its request id again.',
        }),
        labels: Type.Array(ArchivedLabel, { description: 'In the order in which they became known.' }),
      }),
    }),
    annotations: get({
      path: `${project}/annotations`,
      summary: 'What clients say is going on.',
      answer: answer({ project: Type.String(), annotations: Type.Array(Annotation) }),
    }),
    annotate: put({
      path: `${project}/annotations/{id}`,
      summary: 'Says what goes on: a deployment, a campaign, a load test.',
      body: body({
        title: Type.Optional(Type.String()),
        state: word(ANNOTATION_STATES),
        progress: Type.Optional(nullable(Type.Number({ minimum: 0, maximum: 1 }))),
        detail: Type.Optional(Type.String()),
      }),
      answer: Annotation,
    }),
    unannotate: remove({
      path: `${project}/annotations/{id}`,
      summary: 'Takes an annotation away.',
      status: 204,
      answer: Type.Null(),
    }),
    ...steeringEndpoints,
  },
};
