// ingest's HTTP API (8010): projects, records and labels, bulk loads, dataset versions, dead letters.

import Type from 'typebox';
import { get, post, remove } from './endpoint.js';
import { announceUpload, sendUpload } from './uploads.js';
import { answer, body, count, note, nullable, sha256, timeMs, word } from './values.js';

const applied = {
  name: Type.String(),
  revision: count(),
  documentSha256: sha256(),
  appliedAtMs: timeMs(),
};

const Reason = answer(
  {
    code: Type.String(),
    field: Type.String({ description: 'The column; empty where it is the whole record.' }),
    message: Type.String(),
    value: Type.Optional(Type.String({ description: 'What the column held, cut to a few characters.' })),
  },
  'Reason',
);

/** Of records and labels: what was taken, and each bad one with all its reasons. They are in the dead letters too. */
const IntakeAnswer = answer(
  {
    accepted: count(),
    rejected: Type.Array(answer({ index: count(), recordId: Type.String(), reasons: Type.Array(Reason) })),
  },
  'IntakeAnswer',
);

const format = () => word(['csv', 'ndjson', 'parquet']);
const encoding = () => word(['utf-8', 'latin1', 'windows-1252', 'utf-16le', 'utf-16be']);
const decimal = () => word(['.', ',']);

/** Refusals of one kind: how many rows, and the first of them. */
const Refusal = answer(
  {
    code: Type.String(),
    column: Type.String({ description: 'Empty where it is the whole row.' }),
    count: count('Rows refused for it; a row can count under several.'),
    example: answer({
      file: Type.String(),
      row: count('1 = the first data row.'),
      column: Type.String(),
      value: nullable(Type.String({ description: 'null where there was none.' })),
      reason: Type.String(),
    }),
  },
  'Refusal',
);

const ImportStatus = answer(
  {
    importId: Type.String(),
    project: Type.String(),
    source: Type.String({ description: '"file:" and a source of the project file, or "upload:" and a file\'s name.' }),
    state: word(['running', 'done', 'failed']),
    format: Type.Optional(format()),
    csv: Type.Optional(
      answer({
        delimiter: Type.String(),
        decimal: decimal(),
        encoding: encoding(),
      }),
    ),
    warnings: Type.Array(Type.String(), { description: 'What was found out, and may be otherwise.' }),
    reasons: Type.Array(Refusal, { description: 'Why rows were refused, the most frequent first; at most 50 kinds.' }),
    rowsRead: count(),
    rowsChosen: count(),
    accepted: count(),
    rejected: count(),
    datasetVersion: Type.Optional(Type.String()),
    repeatedRows: Type.Optional(count('Accepted rows that the version leaves out: an earlier one has their id.')),
    message: Type.Optional(Type.String({ description: 'Why it failed, and what to do.' })),
    startedAtMs: timeMs(),
    endedAtMs: Type.Optional(timeMs()),
  },
  'ImportStatus',
);

const DatasetVersion = answer(
  {
    project: Type.String(),
    id: sha256(),
    kind: word(['import', 'live'], 'A bulk load, or an event-time span of the stream.'),
    ordinal: count('1, 2, 3 … per project, in order of closing.'),
    parent: Type.String(),
    schemaHash: Type.String(),
    rows: count(),
    labelledRows: count(),
    eventTimeFromMs: timeMs(),
    eventTimeToMs: timeMs('Inclusive.'),
    offsets: Type.Array(
      answer({ topic: Type.String(), partition: Type.Integer(), first: Type.Integer(), last: Type.Integer() }),
    ),
    parquetPath: Type.String(),
    parquetSha256: sha256(),
    closedAtMs: timeMs(),
    source: Type.String(),
    windowStartMs: timeMs('Of a live version: the span begins here.'),
    windowEndMs: timeMs('Exclusive.'),
    lateRows: count('Rows of earlier spans, whose version had closed.'),
    repeatedRows: count('Records left out because another one of their id counts.'),
    nulled: Type.Array(answer({ column: Type.String(), values: count() }), {
      description: 'Values that rows checked by an older schema had and that are none by this one.',
    }),
    rowsOf: count('Of one with newer labels: the ordinal of the version that first had its rows; 0 = rows of its own.'),
    labelRule: Type.String({
      description: 'By which rule of the project file its labels were made; empty = not known, or it had none.',
    }),
  },
  'DatasetVersion',
);

const Hold = answer(
  {
    id: Type.String(),
    project: Type.String(),
    dataset: Type.String({ description: 'Of this dataset version; empty = of a model version, or of everything.' }),
    model: count('Of what this model version was trained on; 0 = of a dataset version, or of everything.'),
    reason: Type.String(),
    by: Type.String(),
    atMs: timeMs(),
    removedAtMs: timeMs('0 = it is in force.'),
    removedBy: Type.String(),
    removedReason: Type.String(),
  },
  'Hold',
);

const DeadLetter = answer(
  {
    id: Type.String(),
    project: Type.String(),
    source: Type.String(),
    partition: Type.Integer(),
    offset: Type.Integer(),
    row: Type.Optional(count('Of the file that an import read; 1 = the first data row.')),
    recordId: Type.Optional(Type.String({ description: 'The record or prediction that it says it is about.' })),
    payload: Type.String({ description: 'The first 4 KiB as text; what is no UTF-8 shows as replacement characters.' }),
    payloadBytes: count(),
    payloadSha256: sha256(),
    reasons: Type.Array(Reason),
    failedAtMs: timeMs(),
    service: Type.String(),
    redrivenAtMs: timeMs('When it was taken in again; 0 = it was not.'),
  },
  'DeadLetter',
);

const ProjectStatistics = answer(
  {
    recordsAccepted: count(),
    rowsImported: count(),
    rowsAccepted: count(),
    deadLettered: count(),
    labelsAccepted: count(),
    duplicateRecords: count(),
    lateRecords: count(),
    datasetVersions: count(),
    liveVersions: count(),
    liveRowsClosed: count(),
    liveLabelsJoined: count(),
    unlabelledRows: answer({
      day: count('Rows of closed live versions without a label, whose span ended less than a day before the newest.'),
      week: count(),
      month: count(),
      older: count(),
    }),
    waitingLabels: answer({
      day: count('Labels that no record was found for, of a span that ended less than a day before the newest.'),
      week: count(),
      month: count(),
      older: count(),
    }),
    openRows: count('Records of no closed version yet, as they were read: repeated ones among them.'),
    openLabels: count('Labels of event-time spans that are not closed.'),
    lateLabels: count('Labels that came after their span had closed, or whose record never came.'),
    watermarkMs: nullable(timeMs()),
  },
  'ProjectStatistics',
);

/** Rows looked at to propose columns, and records or labels of one request, are lists or single objects. */
const rows = Type.Unknown({ description: 'One JSON object, an array of them, or NDJSON.' });

const label = {
  recordId: 'o-4711',
  entity: 'c-9',
  eventTimeMs: 1_767_225_600_000,
  knownAtMs: 1_767_830_400_000,
  raw: 'yes',
};
/** Checked by intake one by one, so that the good ones of a request are taken. */
const labels = Type.Unknown({
  description:
    'One label, an array of them, or NDJSON. A label names its record by `recordId` (or the prediction by `predictionId`), ' +
    'its `entity` and `eventTimeMs` where the project has them, and the outcome: `raw` as the column of the label has ' +
    'it, by which the label rule says 1 or 0, or the label itself as `value`. `knownAtMs`, by default the event time ' +
    'and the delay of the label: when it became known. Times are milliseconds since 1970, or ISO 8601.',
  examples: [label, { predictionId: 'p-1', entity: 'c-9', eventTimeMs: label.eventTimeMs, value: 1 }],
});

/** What the audit keeps of who applies or deletes a project. */
const saidOf = {
  by: Type.Optional(Type.String({ maxLength: 128, description: 'Who asks. Nobody checks it.' })),
  reason: Type.Optional(note('Why; kept in the audit.')),
};

export const ingestApi = {
  service: 'ingest',
  summary: 'Takes records and labels, checks them against the project, and closes them into dataset versions.',
  endpoints: {
    applyProject: post({
      path: '/v1/projects',
      summary: 'Applies a project file; 400 with every fault, its line and column.',
      query: body({
        folder: Type.Optional(Type.String({ description: 'What relative paths of sources start from.' })),
        file: Type.Optional(Type.String({ description: 'Name of the file, for messages.' })),
        ...saidOf,
      }),
      body: Type.String({ description: 'project.yaml, as YAML or JSON.' }),
      bodyType: 'application/yaml',
      answer: answer({ ...applied, changed: Type.Boolean() }),
    }),
    projects: get({
      path: '/v1/projects',
      summary: 'The applied projects with their documents.',
      answer: answer({
        projects: Type.Array(answer({ ...applied, document: Type.Record(Type.String(), Type.Unknown()) }, 'Project')),
      }),
    }),
    removeProject: remove({
      path: '/v1/projects/{project}',
      query: body(saidOf),
      summary: 'Forgets a project: nothing is taken in, routed, watched or retrained for it. Its files stay.',
      answer: answer({ name: Type.String(), revision: count('The last one.') }),
    }),
    inferColumns: post({
      path: '/v1/projects/{project}/infer',
      summary: 'Proposes the columns of a project file from sample rows.',
      body: rows,
      answer: answer({
        columns: Type.Array(answer({ name: Type.String(), type: Type.String() }, 'Column')),
        rows: count(),
        unreadable: count(),
      }),
    }),
    sendRecords: post({
      path: '/v1/projects/{project}/records',
      summary: 'Takes records; answers when Kafka has them, 400 where none was good.',
      query: body({
        clientId: Type.Optional(Type.String({ description: 'Makes ids of records that bring none.' })),
        sequence: Type.Optional(count('Of the first record.')),
      }),
      body: rows,
      refusedStatus: 400,
      answer: IntakeAnswer,
    }),
    sendLabels: post({
      path: '/v1/projects/{project}/labels',
      summary: 'Takes labels; answers when Kafka has them, 400 where none was good.',
      body: labels,
      refusedStatus: 400,
      answer: IntakeAnswer,
    }),
    startUpload: announceUpload('/v1/projects/{project}/uploads', 'a file for an import'),
    sendUpload: sendUpload('/v1/projects/{project}/uploads/{id}'),
    startImport: post({
      path: '/v1/projects/{project}/imports',
      summary: 'Starts a bulk load of an upload, or of a source of the project file, as one dataset version.',
      body: body({
        source: Type.Optional(Type.String({ minLength: 1, description: 'Name of a source of the project file.' })),
        upload: Type.Optional(
          Type.String({
            minLength: 1,
            description: 'An upload that is whole. Beside a source, its rows join the version, all of them.',
          }),
        ),
        format: Type.Optional(format()),
        csv: Type.Optional(
          body({
            delimiter: Type.Optional(
              Type.String({ pattern: '^[^\\r\\n"]$', description: 'One character, no quote and no line end.' }),
            ),
            decimal: Type.Optional(decimal()),
            encoding: Type.Optional(encoding()),
          }),
        ),
        fromMs: Type.Optional(timeMs('Rows from this event time on.')),
        toMs: Type.Optional(timeMs('Rows before this event time.')),
        rows: Type.Optional(
          nullable(
            Type.Union([Type.Integer({ minimum: 1 }), Type.Literal('all')], {
              description: 'A whole number from 1 on, chosen at random by the seed, or "all".',
            }),
          ),
        ),
        seed: Type.Optional(
          Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Of the choice of rows.' }),
        ),
      }),
      status: 202,
      answer: answer({ importId: Type.String() }),
    }),
    importStatus: get({
      path: '/v1/projects/{project}/imports/{id}',
      summary: 'How far a bulk load is.',
      answer: ImportStatus,
    }),
    datasets: get({
      path: '/v1/projects/{project}/datasets',
      summary: 'Dataset versions, newest last; the newest of them where nothing is said.',
      query: body({
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: 'Default 100.' })),
        before: Type.Optional(Type.Integer({ minimum: 1, description: 'Those of a smaller ordinal.' })),
      }),
      answer: answer({
        datasets: Type.Array(DatasetVersion),
        total: count('Of the project.'),
        before: nullable(count('There are older ones: ask for those before this ordinal.')),
      }),
    }),
    resetWatermark: post({
      path: '/v1/projects/{project}/watermark/reset',
      summary: 'Sets the watermark of the live stream back, after wrong clocks moved it. Versions that closed stay.',
      body: body({
        toMs: Type.Optional(
          Type.Integer({ description: 'Event time in ms since 1970; now where none is said. Not ahead of now.' }),
        ),
      }),
      answer: answer({ toMs: Type.Integer({ description: 'Event time that it was set back to.' }) }),
    }),
    closeDatasets: post({
      path: '/v1/projects/{project}/datasets/close',
      summary: 'Closes every open live version now.',
      answer: answer({ closed: count() }),
    }),
    retention: get({
      path: '/v1/projects/{project}/retention',
      summary: 'What retention keeps of each dataset version and why, and what it lets go of. Deletes nothing.',
      answer: answer({
        datasets: nullable(
          answer({
            keep: count('The newest live ones, and as many imports; 0 = not by number.'),
            forMs: count('After the close; 0 = not by age.'),
          }),
        ),
        hasModels: Type.Boolean({ description: 'The project says how long model versions are kept: ask the trainer.' }),
        versions: Type.Array(
          answer({
            id: sha256(),
            ordinal: count(),
            source: Type.String(),
            rows: count(),
            closedAtMs: timeMs(),
            keptBy: nullable(Type.String({ description: 'Why it stays; null = it goes.' })),
          }),
        ),
      }),
    }),
    collect: post({
      path: '/v1/projects/{project}/retention/collect',
      summary: 'Deletes now what retention does not keep; it is looked for every minute besides.',
      answer: answer({ removed: count('Dataset versions.') }),
    }),
    holds: get({
      path: '/v1/projects/{project}/holds',
      summary: 'Holds on the project, removed ones too, oldest first; also of a deleted project.',
      answer: answer({ holds: Type.Array(Hold) }),
    }),
    addHold: post({
      path: '/v1/projects/{project}/holds',
      summary:
        'Keeps a dataset version that is there, or what a model version was trained on, or everything, whatever retention says.',
      body: body({
        dataset: Type.Optional(sha256()),
        model: Type.Optional(Type.Integer({ minimum: 1, description: 'A model version: what it was trained on.' })),
        reason: Type.String({ minLength: 1, maxLength: 1_000 }),
        by: Type.String({ minLength: 1, maxLength: 128, description: 'Who asks for it.' }),
      }),
      answer: Hold,
    }),
    removeHold: post({
      path: '/v1/projects/{project}/holds/{id}/remove',
      summary: 'Takes a hold off; that it was there, and who took it off and why, stays on record.',
      body: body({
        reason: Type.String({ minLength: 1, maxLength: 1_000 }),
        by: Type.String({ minLength: 1, maxLength: 128 }),
      }),
      answer: Hold,
    }),
    deadLetters: get({
      path: '/v1/deadletters',
      summary: 'What was refused, newest first.',
      query: body({
        project: Type.Optional(Type.String()),
        limit: Type.Optional(Type.Integer({ minimum: 1, description: 'At most 1,000 are given.' })),
        redriven: Type.Optional(Type.Boolean({ description: 'With those that were taken in again since.' })),
      }),
      answer: answer({
        total: count('All of them, those no longer listed included.'),
        redriven: count('Of those, taken in again since.'),
        deadLetters: Type.Array(DeadLetter),
      }),
    }),
    redrive: post({
      path: '/v1/deadletters/{id}/redrive',
      summary:
        'Checks a dead letter again, against the project as it is now; the beginning of its id will do where no other begins so.',
      query: body({
        again: Type.Optional(Type.Boolean({ description: 'Also where it was taken in already: 409 without.' })),
      }),
      answer: answer({ ...IntakeAnswer.properties, project: Type.String(), kind: word(['record', 'label']) }),
    }),
    stats: get({
      path: '/v1/stats',
      summary: 'What became of records and labels, by project.',
      query: body({ project: Type.Optional(Type.String({ description: 'Of this one alone; default: of all.' })) }),
      answer: answer({
        stopped: nullable(
          answer({
            why: word(
              ['quota', 'disk', 'log'],
              'What open dataset versions may take on disk, the store itself, or Kafka, which is not told of them.',
            ),
            message: Type.String(),
          }),
        ),
        partitions: Type.Array(
          answer({
            partition: count('Number of records.v1 and labels.v1; one process holds it.'),
            holder: Type.String({ description: 'The process that told of it last: service and replica.' }),
            records: count('Next offset: every record before it is durable.'),
            labels: count('Next offset of labels.'),
            atMs: Type.Integer({ description: 'When it was told.' }),
            stopped: Type.Boolean({ description: 'Nothing is read on for want of room.' }),
          }),
          { description: 'How far each was read, by whichever process.' },
        ),
        projects: Type.Record(Type.String(), ProjectStatistics),
      }),
    }),
  },
};
