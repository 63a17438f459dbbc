// The trainer's HTTP API (8020): trainings, model versions, their artifacts, the closed loop, workers.

import { LOOP_PHASES, type LoopPhase, TRAINING_STATES, TRAINING_STEPS } from '@millrace/domain';
import { BASELINE_KINDS } from '@millrace/evaluation';
import { WORKERS_MAX } from '@millrace/project';
import Type from 'typebox';
import { get, post } from './endpoint.js';
import { announceUpload, sendUpload } from './uploads.js';
import { answer, body, count, figure, note, nullable, sha256, timeMs, version, versionOrNone, word } from './values.js';

const figures = Type.Record(Type.String(), figure(), {
  description: 'By the metric’s name; null where it is not defined.',
});

const Evaluation = answer(
  {
    rows: count(),
    metrics: figures,
    positiveShare: figure('Share of rows with label 1.'),
    meanScore: Type.Optional(figure()),
    eventTimeFromMs: timeMs(),
    eventTimeToMs: timeMs(),
  },
  'Evaluation',
);

const Comparison = answer(
  {
    metric: Type.String({ description: 'The deciding one.' }),
    rows: count('Both have answered.'),
    value: figure('Of this version.'),
    other: figure('Of what it is compared with.'),
    difference: figure('`value` less `other`.'),
    lower: figure(),
    upper: figure(),
    confidence: Type.Number({ description: 'Of the interval from `lower` to `upper`.' }),
  },
  'Comparison',
);

const ScoreDistance = answer(
  {
    rows: count('Both have scored.'),
    below: figure('Share that this version has more of below a point, at the most.'),
    above: figure('The same above a point.'),
  },
  'ScoreDistance',
);

const upstream = {
  address: Type.String({ minLength: 1, maxLength: 260, description: 'host:port of a V2 server’s gRPC endpoint.' }),
  model: Type.String({ minLength: 1, maxLength: 256, description: 'What the server calls the model.' }),
  version: Type.String({ maxLength: 64, description: 'Empty: the server’s own choice.' }),
};
const Upstream = answer(upstream, 'Upstream');

const ModelVersion = answer(
  {
    project: Type.String(),
    version: version(),
    packagePath: Type.String(),
    modelSha256: sha256(),
    packageSha256: sha256(),
    blessed: Type.Boolean(),
    reasons: Type.Array(Type.String(), { description: 'One sentence a gate.' }),
    verdict: Type.String({
      description: 'Blessed or not, and why, in one sentence; empty in versions of release 0.1.',
    }),
    warnings: Type.Array(Type.String(), { description: 'What was done to features or to the start of the training.' }),
    evaluation: Type.Optional(Evaluation),
    championEvaluation: Type.Optional(Evaluation),
    championVersion: versionOrNone(),
    championStanding: Type.Optional(
      Type.String({ description: 'Why it was that one: in service, the newest blessed, as asked.' }),
    ),
    championComparison: Type.Optional(Comparison),
    championScores: Type.Optional(ScoreDistance),
    trivialComparison: Type.Optional(Comparison),
    baselines: Type.Array(
      answer({
        name: Type.String(),
        kind: word(BASELINE_KINDS),
        evaluation: Type.Optional(Evaluation),
        value: Type.Optional(figure('Of the deciding metric, as the project states it.')),
      }),
    ),
    slices: Type.Array(answer({ column: Type.String(), value: Type.String(), evaluation: Evaluation })),
    datasetVersions: Type.Array(Type.String()),
    trainingId: Type.String(),
    workers: count(),
    seed: Type.Number(),
    createdAtMs: timeMs(),
    correlationId: Type.String(),
    trainRows: count(),
    trainSeconds: Type.Number(),
    origin: word(
      ['trained', 'file', 'upstream'],
      'Trained here, a model file that was registered, or a V2 server elsewhere.',
    ),
    upstream: Type.Optional(Upstream),
    labelRule: Type.String({
      description: 'Of which rule of the project file its labels were; empty = not known, or it had none.',
    }),
  },
  'ModelVersion',
);

const Training = answer(
  {
    trainingId: Type.String(),
    project: Type.String(),
    state: word(TRAINING_STATES),
    last: answer(
      {
        kind: word(TRAINING_STEPS),
        step: Type.Optional(count()),
        steps: Type.Optional(count()),
        loss: Type.Optional(figure()),
        rowsPerSecond: Type.Optional(figure()),
        version: Type.Optional(versionOrNone()),
        blessed: Type.Optional(Type.Boolean()),
        verdict: Type.Optional(
          Type.String({ description: 'Of a finished one: blessed or not, and why, in one sentence.' }),
        ),
        warnings: Type.Optional(Type.Array(Type.String(), { description: 'Of a finished one.' })),
        code: Type.Optional(Type.String()),
        message: Type.Optional(Type.String()),
      },
      'TrainingStep',
    ),
    startedAtMs: timeMs(),
    changedAtMs: timeMs(),
    projectRevision: count('Of the project file that it trains with; 0 = it has not begun.'),
  },
  'Training',
);

/** What a person may say to a loop. */
export const LOOP_WORDS = ['approve', 'reject', 'stop', 'resume'] as const;
export type LoopWord = (typeof LOOP_WORDS)[number];

/** What each phase of the closed loop means to a person. */
export const LOOP_SAYS: Record<LoopPhase, string> = {
  calm: 'it watches',
  settling: 'drift was seen: it gathers rows from after it',
  approval: 'it is ready to retrain and asks first',
  training: 'it retrains',
  rolling_out: 'it brings a version into service',
  cooling: 'a retraining is over: it pauses',
  stopped: 'stopped by hand: it does nothing',
};

export const OpenDrift = answer(
  {
    eventId: Type.String({ description: 'Of the drift event.' }),
    feature: Type.String(),
    detector: Type.String(),
    value: Type.Number(),
    threshold: Type.Number(),
    windowStartMs: timeMs('Event time.'),
    windowEndMs: timeMs(),
    version: versionOrNone(),
    tries: count('Retrainings on rows from after it that are over.'),
    againAtMs: timeMs('Processing time before which it begins none.'),
  },
  'OpenDrift',
);

const Asked = answer(
  {
    about: Type.String({ description: 'Names the question: an approval that carries it is of no other one.' }),
    what: Type.String({ description: 'Such as: the rollout of version 3.' }),
    sinceMs: timeMs('Processing time; 0: nobody knows.'),
    expiresAtMs: nullable(timeMs('It is given up then, where nobody answers; null: it waits for ever.')),
    approvers: count('Different people who have to approve, as the project file says.'),
    wanted: count('People still wanted.'),
    given: Type.Array(answer({ by: Type.String(), reason: Type.String(), atMs: timeMs() }), {
      description: 'Approvals so far. Nobody checks the names.',
    }),
  },
  'Asked',
);

export const Loop = answer(
  {
    phase: word(LOOP_PHASES),
    liveVersion: versionOrNone(),
    previousVersion: versionOrNone(),
    waitingVersion: versionOrNone(),
    approvals: Type.Optional(
      Type.Array(
        answer({
          key: Type.String({ description: 'What it is about: "retraining <episode>" or "rollout <version>".' }),
          by: Type.String({ description: 'As it was told; nobody checks the name.' }),
          reason: Type.String(),
          atMs: timeMs(),
        }),
        { description: 'Oldest first; of what is decided, too. A stop ends all.' },
      ),
    ),
    episode: nullable(
      answer({
        id: Type.String({ description: 'Correlation id of everything that the episode does.' }),
        cause: Type.Optional(Type.String({ description: 'Why it was begun, as a clause: drift, the schedule, rows.' })),
        feature: Type.String({ description: 'That drifted; empty where it answers no drift.' }),
        detector: Type.String(),
        trainingId: Type.String(),
        version: versionOrNone(),
        datasetVersions: Type.Array(Type.String()),
        startedAtMs: timeMs(),
      }),
    ),
    asked: Type.Optional(nullable(Asked)),
    coolUntilMs: timeMs(),
    waits: answer({
      for: Type.String({ description: 'What it waits for, in words.' }),
      untilMs: nullable(timeMs('At the earliest; null where no clock ends it.')),
      clock: word(['processing', 'event'], 'Which clock that time is of.'),
    }),
    // Of the version in service against the one before it; null: it is on none.
    probation: Type.Optional(
      nullable(
        answer({
          version: version(),
          against: version(),
          byHand: Type.Boolean({ description: 'Put into service by a person, who is told, and decides.' }),
          sinceMs: timeMs(),
          untilMs: timeMs('From when it stays, where no difference was seen.'),
          metric: Type.String({ description: 'That decides.' }),
          rows: count('Labelled ones that both were asked for.'),
          versionValue: figure(),
          againstValue: figure(),
          difference: figure('By how much the version is better; negative: worse. Mean over blocks of rows.'),
          lower: figure('Of a 99 % confidence sequence of it; null: too few rows.'),
          upper: figure(),
          says: Type.String({ description: 'All of it, as a clause.' }),
        }),
      ),
    ),
    openDrifts: Type.Optional(
      Type.Array(OpenDrift, {
        description: 'Drift that was told and whose end was not, oldest first; of versions that serve or may again.',
      }),
    ),
    history: Type.Array(
      answer({ atMs: timeMs(), phase: Type.String(), message: Type.String(), correlationId: Type.String() }),
    ),
  },
  'Loop',
);

const project = '/v1/projects/{project}';

const Backtest = answer(
  {
    project: Type.String(),
    version: version(),
    against: version(),
    rows: count('Labelled rows that both have scored: the newest of those asked for.'),
    olderRows: count('Of those asked for, left out.'),
    fromMs: nullable(timeMs()),
    toMs: nullable(timeMs()),
    confidence: Type.Number({ description: 'Of the intervals, by 400 paired bootstrap draws.' }),
    deciding: Type.String({ description: 'The project’s metric.' }),
    metrics: Type.Array(
      answer({
        name: Type.String(),
        version: figure(),
        against: figure(),
        difference: figure('The first less the second, on the same rows.'),
        lower: figure(),
        upper: figure(),
      }),
    ),
    slices: Type.Array(
      answer({ column: Type.String(), value: Type.String(), rows: count(), version: figure(), against: figure() }),
      { description: 'By the deciding metric, of the columns of evaluation.slices.' },
    ),
    verdict: Type.String({ description: 'Which is the better one, or that no difference is seen and which would be.' }),
    warnings: Type.Array(Type.String()),
  },
  'Backtest',
);

const projectRevision = Type.Optional(
  count(
    'Of the project file that is meant, as `apply` answered it: waited for a moment where the trainer knows an older one, a conflict where it has another one then or when the training begins. 0 = whatever is current.',
  ),
);

const leaveOutUnfit = Type.Optional(
  Type.Boolean({
    description:
      'Dataset versions whose labels were made by another rule than the project file’s are left out, and the warnings say so; else they are refused.',
  }),
);

const tensorName = () => Type.String({ minLength: 1, maxLength: 256 });

export const trainerApi = {
  service: 'trainer',
  summary: 'Trains, evaluates and packages model versions, keeps their registry, and runs the closed loop.',
  endpoints: {
    startTraining: post({
      path: `${project}/trainings`,
      summary: 'Starts a training, or queues it behind the one that runs.',
      body: body({
        datasetVersions: Type.Array(Type.String(), { minItems: 1, description: 'Ids of dataset versions.' }),
        evaluateFromMs: Type.Optional(count('Rows from this event time on evaluate; 0 = the share decides.')),
        evaluationShare: Type.Optional(Type.Number({ minimum: 0, exclusiveMaximum: 1 })),
        warmStartVersion: Type.Optional(versionOrNone()),
        workers: Type.Optional(
          Type.Integer({ minimum: 0, maximum: WORKERS_MAX, description: '0 = as the project says.' }),
        ),
        seed: Type.Optional(
          Type.Integer({ minimum: 0, maximum: 4_294_967_295, description: '0 = as the project says.' }),
        ),
        reason: Type.Optional(note('Kept with the training.')),
        trigger: Type.Optional(note('What started it; default: the reason.')),
        correlationId: Type.Optional(note('Ties the steps of one episode together.')),
        championVersion: Type.Optional(versionOrNone()),
        projectRevision,
        leaveOutUnfit,
      }),
      answer: answer({ trainingId: Type.String() }),
    }),
    trainings: get({
      path: `${project}/trainings`,
      summary: 'Trainings that run, wait or ended lately.',
      answer: answer({ trainings: Type.Array(Training) }),
    }),
    training: get({ path: `${project}/trainings/{id}`, summary: 'How far a training is.', answer: Training }),
    startModelUpload: announceUpload(`${project}/model-uploads`, 'a file of a model'),
    sendModelUpload: sendUpload(`${project}/model-uploads/{id}`),
    registerModel: post({
      path: `${project}/models`,
      summary:
        'Registers a model that was trained elsewhere, as a version of the project; how far it is, a training of this id says.',
      body: body({
        files: Type.Optional(
          Type.Array(
            body({
              path: Type.String({
                minLength: 1,
                maxLength: 512,
                description: 'model.onnx, or the place in a SavedModel folder (saved_model.pb, variables/…, assets/…).',
              }),
              upload: Type.String({ minLength: 1, description: 'A model upload that is whole.' }),
            }),
            { minItems: 1, maxItems: 1_000 },
          ),
        ),
        upstream: Type.Optional(body(upstream)),
        inputs: Type.Optional(
          Type.Array(body({ tensor: tensorName(), columns: Type.Array(Type.String(), { minItems: 1 }) }), {
            maxItems: 1_000,
            description: 'Which columns a tensor takes, in its order; what is left open is found by name or order.',
          }),
        ),
        outputs: Type.Optional(
          Type.Array(
            body({
              output: Type.String({ minLength: 1, description: 'An output of the project’s task: "probability".' }),
              tensor: tensorName(),
              index: count('Element of a row of the tensor.'),
              of: word(['value', 'logit']),
            }),
            { maxItems: 16 },
          ),
        ),
        datasetVersions: Type.Array(Type.String(), {
          maxItems: 1_000,
          description:
            'Judged on their labelled rows; the reference for drift is made of all of them. None: not judged.',
        }),
        evaluationShare: Type.Optional(Type.Number({ minimum: 0, exclusiveMaximum: 1 })),
        reason: Type.Optional(note('Kept with the version.')),
        projectRevision,
        leaveOutUnfit,
      }),
      status: 202,
      answer: answer({ trainingId: Type.String() }),
    }),
    models: get({
      path: `${project}/models`,
      summary: 'Model versions, newest last.',
      query: body({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: 'Default 100.' })) }),
      answer: answer({ models: Type.Array(ModelVersion) }),
    }),
    backtest: post({
      path: `${project}/backtests`,
      summary:
        'Scores two versions on the same recorded rows and says by how much they differ, and how sure that is. Live traffic is not touched; one at a time.',
      body: body({
        version: version(),
        against: version(),
        datasetVersions: Type.Array(Type.String(), { minItems: 1, description: 'Ids of dataset versions.' }),
        fromMs: Type.Optional(timeMs('Event time; default: from the first row that neither has learned from.')),
        toMs: Type.Optional(timeMs('Event time, exclusive.')),
      }),
      answer: Backtest,
    }),
    retention: get({
      path: `${project}/retention`,
      summary: 'What retention keeps of each model version and why, and what it lets go of. Deletes nothing.',
      answer: answer({
        models: nullable(
          answer({
            keep: count('The newest; 0 = not by number.'),
            forMs: count('After the training; 0 = not by age.'),
          }),
        ),
        versions: Type.Array(
          answer({
            version: count(),
            createdAtMs: timeMs(),
            blessed: Type.Boolean(),
            keptBy: nullable(Type.String({ description: 'Why it stays; null = it goes.' })),
          }),
        ),
      }),
    }),
    collect: post({
      path: `${project}/retention/collect`,
      summary: 'Deletes now the model versions that retention does not keep; it is looked for every minute besides.',
      answer: answer({ removed: count('Model versions.') }),
    }),
    model: get({ path: `${project}/models/{version}`, summary: 'One model version.', answer: ModelVersion }),
    artifacts: get({
      path: `${project}/models/{version}/artifacts`,
      summary: 'Files of a version’s package.',
      answer: answer({ files: Type.Array(Type.String()) }),
    }),
    artifact: get({
      path: `${project}/models/{version}/artifacts/{file*}`,
      summary: 'One file of a version’s package, for browsers of any origin.',
      query: body({ sha256: Type.Optional(sha256()) }),
      answerType: 'application/octet-stream',
      answer: Type.Unknown(),
    }),
    loop: get({ path: `${project}/loop`, summary: 'State and history of the closed loop.', answer: Loop }),
    loopCommand: post({
      path: `${project}/loop/{command}`,
      summary:
        'approve and reject answer what it asks people about: a retraining, or the rollout of a blessed version. stop is the kill switch, resume ends it.',
      body: body({
        by: Type.Optional(
          Type.String({
            maxLength: 128,
            description: 'Who says it; approve and reject need it. Nobody checks the name.',
          }),
        ),
        reason: Type.Optional(note('Why; reject needs it. Kept in the history.')),
        about: Type.Optional(
          Type.String({
            maxLength: 1_024,
            description: 'The question that is answered (`asked.about`): refused where it asks another one by now.',
          }),
        ),
      }),
      answer: Loop,
    }),
    workers: get({
      path: '/v1/workers',
      summary: 'Training workers that are connected.',
      answer: answer({
        workers: Type.Array(
          answer({
            workerId: Type.String(),
            lastSeenMs: timeMs(),
            jobId: nullable(Type.String()),
            rank: Type.Integer({ description: '-1 = in no job.' }),
          }),
        ),
      }),
    }),
  },
};
