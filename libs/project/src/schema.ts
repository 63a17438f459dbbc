// The JSON Schema of project.yaml, as published in docs/project.schema.json (a test keeps the two equal). Structure,
// types and defaults are here and nowhere else (those of drift tests in libs/drift); what needs two places of the file
// is in cross-field.ts.

import { WORKING_TASK_KINDS } from '@millrace/domain';
import { ALPHA, type DetectorOption, optionsOf, type SubjectGroup, subjectNames } from '@millrace/drift';
import { BASELINE_KINDS, BLESSING_CONFIDENCE, metricsOf } from '@millrace/evaluation';
import { SCALINGS } from '@millrace/features';
import { DECIMALS, TABLE_FORMATS } from '@millrace/tabular';
import { RETRAIN_POLICIES, WORKERS_MAX } from './project.js';
import {
  byName,
  choice,
  date,
  duration,
  flag,
  integer,
  list,
  number,
  object,
  optionalList,
  type SchemaNode,
  scalar,
  share,
  text,
} from './schema-nodes.js';
import { notifyNode } from './schema-notify.js';
import { rolloutNode } from './schema-rollout.js';
import { SIZE_PATTERN } from './size.js';
import { TIME_FORMATS } from './time-format.js';

const METRIC_NAMES = metricsOf('binary').map(({ name }) => name);
const DECIDING = metricsOf('binary').flatMap(({ name, decides }) => (decides ? [name] : []));
/** Of a project: it is a path, a topic's key and a model on the wire. */
export const PROJECT_NAME = '^[a-z][a-z0-9-]{0,62}$';
const NAME = '^[A-Za-z_][A-Za-z0-9_]{0,62}$';
/**
 * A column is called what the header of somebody's file calls it: any characters but control characters, no white space
 * around it. '@' begins what is no column ("@score"), and __proto__ is no key of an object. 128: twice what tools for
 * surveys make of a question.
 */
export const COLUMN_NAME = '^(?![\\s@]|__proto__$)[^\\u0000-\\u001f\\u007f]{1,128}(?<!\\s)$';

const columnName = (description: string): SchemaNode => text(description, { pattern: COLUMN_NAME });

/** A detector's option, as libs/drift declares it. */
const optionNode = ({ description, minimum, maximum, default: fallback }: DetectorOption): SchemaNode =>
  number(description, minimum, maximum, fallback);
const detectorOptions = (group: SubjectGroup): Record<string, SchemaNode> =>
  Object.fromEntries(Object.entries(optionsOf(group)).map(([key, option]) => [key, optionNode(option)]));
/** The same without defaults: what is not written is as for all features. */
const overridingOptions = (group: SubjectGroup): Record<string, SchemaNode> =>
  Object.fromEntries(
    Object.entries(optionsOf(group)).map(([key, { minimum, maximum }]) => [key, number('As above.', minimum, maximum)]),
  );

const column = object(
  'One column of the raw records.',
  {
    name: columnName(
      'Name of the column in records and files: at most 128 characters, no white space around it, no @ first, not __proto__.',
    ),
    type: choice('Type of its values; timestamps are UTC.', ['number', 'integer', 'text', 'boolean', 'timestamp']),
    required: flag('A record without a value here is bad.', false),
    min: { type: 'number', description: 'Smallest good value (number and integer columns).' },
    max: { type: 'number', description: 'Largest good value (number and integer columns).' },
    domain: list(
      'Closed set of values of a text column; any other value makes the record bad.',
      text('A value.'),
      10_000,
      1,
    ),
    lengthMax: integer('Longest text in characters.', 1, 65_536, 256),
    missing: list(
      'Texts that stand for no value, besides an empty one, such as NA or "?"; in files, records and labels. White space around them does not count.',
      text('A text.', { pattern: '^\\S(.*\\S)?$', maxLength: 64 }),
      32,
      1,
    ),
    format: choice(
      `How the times of a timestamp column are written, in files, records and labels, where it is neither ISO 8601 nor milliseconds; a time of day may follow a date. Years of two digits: 69 to 99 are 1969 to 1999.`,
      TIME_FORMATS,
    ),
    derive: object(
      'Fills the column from a timestamp where the record or request brings no value.',
      {
        from: columnName('The timestamp column.'),
        part: choice('UTC part; weekday 0 is Sunday.', [
          'hour',
          'minute',
          'minute_of_day',
          'weekday',
          'day',
          'month',
          'day_of_year',
        ]),
      },
      ['from', 'part'],
    ),
    outcome: flag('Carries the outcome: never a feature, not expected on live records.', false),
  },
  ['name', 'type'],
);

const data = object(
  'What the records look like and where they come from.',
  {
    sources: byName(
      'Named files that a bulk import can read.',
      object(
        'A file.',
        {
          kind: choice('Format of the file.', TABLE_FORMATS),
          path: text(
            'Relative to the project file, absolute, or npm:<package>/<path> for a file of an installed package.',
          ),
          recordId: text(
            'row-number (from 0), or the column that identifies a row; default: data.recordId, else recordId or record_id of the row, else the hash of the file and the row.',
          ),
        },
        ['kind', 'path'],
      ),
      32,
      { propertyNames: { pattern: NAME } },
    ),
    recordId: columnName(
      'The text or integer column that identifies a record; without it a row is its file and number, and a live record what its sender says.',
    ),
    entity: columnName(
      'The text or integer column that names the entity: key of the stream and sticky key of requests; without it no request sticks to a version.',
    ),
    eventTime: columnName(
      'The timestamp column that says when the record happened; without it a record has the time of its arrival, and rows are chosen for evaluation by a hash of their id.',
    ),
    columns: list('All columns.', column, 1_000, 1),
    decimal: choice(
      "The decimal sign of numbers in CSV files, where it is ','; --decimal of a command goes before it. By default '.'.",
      DECIMALS,
    ),
    label: object(
      'The rule that makes the label out of the outcome column; without it the project is monitored, and nothing is trained.',
      {
        name: text('Name of the label.', { pattern: NAME }),
        column: columnName('The outcome column.'),
        operation: choice(
          'How value and column compare; identity takes the column as it is.',
          ['gt', 'ge', 'lt', 'le', 'eq', 'ne', 'identity'],
          'identity',
        ),
        value: scalar('What the column is compared with.'),
        delay: duration('Event time from the record to its label.', '0s'),
        refresh: duration(
          'How often labels that came after their dataset version had closed become a version of the same rows with newer labels, in processing time; by default the larger of `delay` and `data.versionEvery`.',
        ),
        wait: duration(
          'How long a label waits for a record that is not there, in processing time, before it goes to the dead letters; by default 30 days, and at least three times the largest of `delay`, `refresh` and `data.versionEvery`.',
        ),
      },
      ['name', 'column'],
    ),
    versionEvery: duration('Event-time span of one dataset version of the live stream.', '1d'),
    closeAfterIdle: duration(
      'Processing time without a record or label after which open spans of the live stream close all the same, and for which a span that is due waits for senders that lag; by default `data.versionEvery`, `data.label.delay` and `monitoring.allowedLateness` together.',
    ),
    clock: object(
      'Which event times of live records move the clock of the stream on at once; others wait for a second entity that says so too.',
      {
        ahead: duration('Ahead of the clock of ingest at most.', '1m'),
        jump: duration('Ahead of the newest one at most, beside the time that passed since.', '1d'),
      },
    ),
  },
  ['columns'],
);

const feature = object(
  'How one column becomes model input.',
  {
    name: columnName('The column.'),
    kind: choice('numeric or categorical.', ['numeric', 'categorical']),
    scaling: choice(
      `Scaling of a numeric feature, ${SCALINGS[0].name} where none is said. ${SCALINGS.map((scaling) => `${scaling.name}: ${scaling.description}.`).join(' ')}`,
      SCALINGS.map((scaling) => scaling.name),
    ),
    period: number('Period for a sine and cosine pair, such as 24 for hours.', 1e-9, 1e12),
    clamp: {
      type: 'boolean',
      description:
        'Numbers outside the range seen in training count as its nearest end, for a numeric feature; true where none is said.',
    },
    minCount: integer('Values seen fewer times share the unknown bucket.', 1, 1_000_000_000),
    vocabularyMax: integer('Largest vocabulary.', 1, 1_000_000),
    embedding: integer('Width of the embedding; 0 is one-hot.', 0, 512),
    missing: {
      description: 'What a missing value becomes: mean or { constant: n } (numeric), unknown (categorical).',
      anyOf: [
        { type: 'string', enum: ['mean', 'unknown'] },
        object('A fixed value.', { constant: { type: 'number', description: 'The value.' } }, ['constant']),
      ],
    },
  },
  ['name', 'kind'],
);

export const projectSchema: SchemaNode = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Millrace project file',
  ...object(
    'One machine-learned problem: its data, its model, and how Millrace keeps it good.',
    {
      name: {
        type: 'string',
        pattern: PROJECT_NAME,
        description:
          "The project's name, also the model's name on the wire: lower-case letters, digits and -, a letter first, at most 63 characters.",
      },
      scope: object('What is to be decided, and what a model has to beat.', {
        problem: text('The question in one sentence; default: the name.'),
        task: choice(
          'Kind of task: binary; or score, any number, which is watched only and has no label.',
          WORKING_TASK_KINDS,
          'binary',
        ),
        metric: choice('The metric that decides between two models.', DECIDING, 'log_loss'),
        baselines: optionalList(
          'What a first version has to beat; majority and logistic are computed on the same rows, others state a value. Every version has to beat the majority, listed or not.',
          object(
            'A baseline.',
            {
              name: text('Its name.'),
              kind: choice('Where it comes from.', BASELINE_KINDS),
              value: { type: 'number', description: 'Its value of scope.metric, where it is not computed.' },
            },
            ['name', 'kind'],
          ),
          16,
          [
            { name: 'majority', kind: 'trivial' },
            { name: 'logistic', kind: 'older_system' },
          ],
        ),
        resources: object('What a training may use.', { workers: integer('Worker processes.', 1, WORKERS_MAX, 1) }),
      }),
      data,
      features: list('Model inputs, in the order of the signature.', feature, 1_000, 1),
      model: object('The network.', {
        kind: choice('Kind of model.', ['mlp', 'logistic'], 'mlp'),
        hidden: optionalList(
          'Width of each hidden layer; a logistic model has none.',
          integer('Units.', 1, 4_096),
          16,
          [64, 32],
        ),
        activation: choice('Activation of hidden layers.', ['relu', 'tanh'], 'relu'),
        dropout: number('Share of units dropped while training.', 0, 0.95, 0),
        l2: number('Weight decay; default: 0.5 / rows, as strong as C = 1 of scikit-learn.', 0, 10),
        crosses: optionalList(
          'Columns hashed together into one joint categorical input.',
          object(
            'A cross.',
            {
              columns: list('The columns.', columnName('A column.'), 4, 2),
              buckets: integer('Hash buckets.', 2, 1_000_000),
              embedding: integer('Width of the embedding; 0 is one weight per pair, straight to the output.', 0, 512),
            },
            ['columns', 'buckets', 'embedding'],
          ),
          32,
        ),
      }),
      training: object('How the network is fitted.', {
        optimizer: choice('Optimizer.', ['adam', 'sgd'], 'adam'),
        learningRate: number('Learning rate at the start.', 1e-9, 10, 0.003),
        finalLearningRateShare: share('Learning rate at the end, as a share of the first.', 0.1),
        batchRows: integer(
          'Rows of a global batch, split over the workers; default: a hundredth of the rows, 32 to 2,048.',
          1,
          1_000_000,
        ),
        epochs: integer(
          'Passes over the data; default: as many as lower the loss on 15 % of the training rows, held out by chance.',
          1,
          10_000,
        ),
        seed: integer('Seed of initial weights and of the order of rows.', 0, 4_294_967_295, 7),
        workers: integer('Worker processes; default scope.resources.workers.', 1, WORKERS_MAX),
        checkpointEverySteps: integer('Steps between checkpoints.', 1, 1_000_000, 50),
      }),
      evaluation: object('How a model is judged before it may go live.', {
        from: date('For the first version, unless its request says otherwise: rows from this event time on evaluate.'),
        share: share(
          'Otherwise the newest share of rows evaluates; without data.eventTime a share by a hash of the record id.',
          0.2,
        ),
        confidence: {
          type: 'number',
          minimum: 0,
          maximum: 0.999,
          default: BLESSING_CONFIDENCE,
          description:
            'Of the interval of the difference to the version in service, and to the trivial baseline: a version is blessed where all of it is better; 0: by the bare figures.',
        },
        slices: optionalList(
          'Columns whose values are evaluated apart; text, integer or boolean.',
          columnName('A column.'),
          32,
        ),
        thresholds: optionalList(
          'Gates that every version must pass.',
          object(
            'A gate.',
            {
              metric: choice('The metric.', METRIC_NAMES),
              min: { type: 'number', description: 'At least.' },
              max: { type: 'number', description: 'At most.' },
            },
            ['metric'],
          ),
          32,
        ),
      }),
      rollout: rolloutNode,
      monitoring: object('What is watched, and from where on it rings.', {
        window: duration('Event-time span of one window.', '1d'),
        allowedLateness: duration(
          'A window closes when the watermark of predictions passes its end by this; its quality is judged, and a live ' +
            "dataset version closes, when the watermark of labels passes its end by the label's delay plus this.",
          '1h',
        ),
        minRows: integer('Below this many rows a window is not tested.', 1, 1_000_000_000, 500),
        referenceRows: integer(
          'A version whose package brings no reference (a registered model without rows of its own) is compared with the ' +
            'first rows that it answers, so many of them.',
          100,
          10_000,
          1_000,
        ),
        input: object('Drift of the inputs.', {
          ...detectorOptions('input'),
          alpha: optionNode(ALPHA),
          features: byName(
            'Other bounds for single features.',
            object('Bounds of one feature.', {
              ...overridingOptions('input'),
              ignore: flag('Never rings.', false),
            }),
            1_000,
          ),
        }),
        output: object('Drift of the outputs.', detectorOptions('output')),
        software: object('Health of the service.', detectorOptions('software')),
        consecutiveWindows: integer('Windows in a row an alarm must hold before a drift event.', 1, 1_000, 1),
        archive: object('Predictions and labels that are kept as Parquet in the artifact store, found by their id.', {
          keep: duration('So long after they were written; 0s: nothing is archived.', '365d'),
          sizeMax: {
            type: 'string',
            pattern: SIZE_PATTERN,
            description:
              'Where they take more, the oldest go before their time, and status says so. A size such as 20GB.',
            default: '20GB',
          },
        }),
      }),
      retrain: object('When a new version is trained.', {
        policy: choice(
          'What starts one: alarm, drift as onDrift says, besides every and rows; schedule, every and rows alone; cost, where a retraining would save more than its price.',
          RETRAIN_POLICIES,
          'alarm',
        ),
        prices: object(
          'What a retraining and bad predictions cost, in one unit of your choice, money as a rule; of policy cost.',
          {
            retraining: number('Of one retraining.', 0, 1e15),
            loss: number(
              'Of a loss (scope.metric log_loss) that is larger by 1 on one prediction; by default the unit is that.',
              0,
              1e15,
              1,
            ),
          },
          ['retraining'],
        ),
        onDrift: flag('A drift event starts a retraining.', true),
        every: duration(
          'A retraining is due so long after the last one, or after the version in service came, in processing time, where there are new labelled rows; default: none.',
        ),
        rows: integer(
          'A retraining is due at so many labelled rows in live dataset versions that end after what was learned from; default: none.',
          1,
          4_000_000_000,
        ),
        features: optionalList(
          `Only drift of these features, or ${subjectNames('output').join(', ')}; empty is any.`,
          text('A feature.'),
          1_000,
        ),
        versions: integer('Newest closed live dataset versions to train on.', 1, 1_000, 3),
        versionsMax: integer(
          'Of policy cost: newest dataset versions to train on at most, where more rows of the same world are worth it; by default 16 × versions.',
          1,
          256,
        ),
        settleVersions: integer('Dataset versions that must close after the drifted window first.', 0, 100, 1),
        evaluationShare: share('Newest share of rows both versions are judged on.', 0.2),
        warmStart: flag('Start from the weights of the version in force.', true),
        cooldown: duration('Pause between two retrainings, in processing time.', '10m'),
        budgetPerDay: integer('Retrainings within any 24 hours of processing time.', 0, 10_000, 4),
        approval: choice('automatic, or manual: a person approves.', ['automatic', 'manual'], 'automatic'),
        approvers: integer(
          'Different people who must approve a retraining (`approval: manual`) or a rollout (`rollout.automatic: false`); 2 = four eyes.',
          1,
          16,
          1,
        ),
        approvalExpires: duration(
          'What is not approved within it, in processing time, is given up: a retraining is asked about again after `cooldown`, a version is left to a rollout by hand; default: never.',
        ),
      }),
      serving: object('How predictions are answered.', {
        onlineFeatures: object(
          "The values of an entity's latest record stand in for columns that a request leaves out.",
          {
            columns: list('The columns; each is a feature that records bring.', columnName('A column.'), 256, 1),
            maxAge: duration('Event time from the record to the request beyond which a value is not used.', '1h'),
            keep: duration('How long an entity without a new record is kept, in processing time.', '1d'),
            entitiesMax: integer(
              'Entities kept; the one whose record came in longest ago leaves first.',
              1,
              10_000_000,
              100_000,
            ),
            defaults: byName(
              'What stands in where there is no value of the right age, by column.',
              scalar('A value of the column.'),
              256,
            ),
          },
          ['columns'],
        ),
      }),
      notify: notifyNode,
      retention: object('What is deleted by itself; where nothing is said, nothing.', {
        datasets: object(
          'Dataset versions. One that neither rule keeps goes, but for what a model in service, a blessed one, an open training or a hold needs.',
          {
            keep: integer(
              'So many sets of rows are kept with their newest labels: the newest live ones by their span, and as many imports. Where `for` stands alone: retrain.versions, as long as retrainings begin by themselves.',
              1,
              1_000_000,
            ),
            for: duration('How long after its close each is kept, in processing time.'),
          },
        ),
        models: object(
          'Model versions and their packages. One that neither rule keeps goes, but for those that get traffic, are loaded or may be rolled back to, the newest blessed one, the newest, what a hold names, and any while a training of the project is open.',
          {
            keep: integer('The newest so many are kept.', 1, 1_000_000),
            for: duration('How long after its training each is kept, in processing time.'),
          },
        ),
      }),
      replay: object(
        'For examples only: the history to load and the traffic to replay.',
        {
          source: text('Name of a source.'),
          seed: integer('Seed of the choice of rows.', 0, 4_294_967_295, 1),
          history: object(
            'Bulk load.',
            {
              from: date('Rows from here on.'),
              to: date('Rows before this.'),
              trainTo: date('Rows before this train, later ones evaluate.'),
              rows: integer('How many rows.', 1, 4_000_000_000),
              badRows: integer('Known bad rows mixed in.', 0, 10_000, 0),
            },
            ['from', 'to', 'trainTo', 'rows'],
          ),
          live: object(
            'Live traffic.',
            {
              from: date('Rows from here on.'),
              to: date('Rows before this.'),
              rows: integer('How many rows.', 1, 4_000_000_000),
              ratePerSecond: number('Rows per second, open loop.', 0.001, 1_000_000, 1_000),
              reserveShare: number(
                'Further rows, as a share, for traffic after the replay; sent ever slower until the loop is through.',
                0,
                10,
                0,
              ),
              reserveFrom: date(
                'The further rows come from here on, the replay from before; default: both over the whole range.',
              ),
            },
            ['from', 'to', 'rows'],
          ),
          expect: object(
            'What a full-length run must reach; the main job checks it.',
            {
              liveAuc: share('Area under the ROC curve of version 1 on the rows before the shift, at least.'),
              liveRows: integer('Over at least this many labelled rows.', 1, 4_000_000_000),
            },
            ['liveAuc', 'liveRows'],
          ),
          shift: object(
            'A declared change of the world.',
            {
              fromShare: share('Share of the live rows from which on it applies.'),
              operations: list(
                'What changes.',
                object(
                  'One change.',
                  {
                    feature: columnName('The feature.'),
                    operation: choice('What is done with its value.', ['add', 'multiply', 'set']),
                    value: { type: 'number', description: 'By how much.' },
                    modulo: number('Wrap around, such as 24 for hours.', 1e-9, 1e12),
                  },
                  ['feature', 'operation', 'value'],
                ),
                100,
                1,
              ),
            },
            ['fromShare', 'operations'],
          ),
        },
        ['source', 'history', 'live'],
      ),
    },
    ['name', 'data', 'features'],
  ),
};
