// labels add: sends what became of records, one by one or from a file, and says which were refused and why.

import { resolve } from 'node:path';
import { counted, PlatformError } from '@millrace/domain';
import { checkFile } from '@millrace/files';
import { type Project, projectFromDocument } from '@millrace/project';
import { type CsvTerms, csvTerms } from '@millrace/tabular';
import type { Command } from 'commander';
import { BrokenRow } from '../labels/broken-row.js';
import { type LabelBody, labelFields, labelOf, outcomeOf, outcomeWords } from '../labels/label-fields.js';
import { type Refusal, sendLabels } from '../labels/send-labels.js';
import { whenTheyCount, whoseAndWhen } from '../labels/told-labels.js';
import { explained } from '../not-found.js';
import { projectHere } from '../project-file.fs.js';
import { action, type Context } from './context.js';
import { type CsvOptions, withCsvOptions } from './csv-options.js';
import { projectName, time } from './option-values.js';

interface LabelOptions extends CsvOptions {
  file?: string;
  record?: string;
  prediction?: string;
  value?: string;
  entity?: string;
  eventTime?: number;
  knownAt?: number;
}

export function labelCommands(program: Command): void {
  const labels = program.command('labels').description('what became of records and predictions');
  withCsvOptions(labels.command('add'))
    .description('sends labels: one, or those of a file')
    .argument('<project>', 'its name', projectName)
    .option(
      '--file <path>',
      'a .csv, .tsv, .parquet, .ndjson or .json file; columns: recordId or predictionId, value or the outcome, entity, eventTime, knownAt',
    )
    .option('--record <id>', 'id of the record that the label belongs to')
    .option('--prediction <id>', 'id of the prediction that the label belongs to')
    .option('--value <value>', 'true, false, 1 or 0, or the outcome in its own words')
    .option('--entity <key>', 'entity of the record')
    .option('--event-time <time>', 'event time of the record', time)
    .option('--known-at <time>', 'when it became known; default: the event time and the delay of the label', time)
    .action(action(add));
}

async function add(context: Context, project: string, options: LabelOptions): Promise<number> {
  const { file, delimiter, decimal, encoding, ...single } = options;
  const csv = { ...(delimiter && { delimiter }), ...(decimal && { decimal }), ...(encoding && { encoding }) };
  if (file === undefined) {
    const unused = Object.keys(csv);
    if (unused.length > 0)
      throw new PlatformError(
        'invalid_argument',
        `${flags(unused)} says how a file is written: give --file, or leave it out`,
      );
    const label = oneLabel(single);
    const definition = await projectOf(context, project);
    return sent(context, definition, [{ ...label, ...outcomeSaid(definition, single.value) }]);
  }
  const idle = Object.keys(single);
  if (idle.length > 0)
    throw new PlatformError('invalid_argument', `with --file the labels are in the file: leave ${flags(idle)} out`);
  checkFile(file);
  const definition = await projectOf(context, project);
  return sent(context, definition, labelsOf(resolve(file), definition, csvTerms(csv)));
}

const flags = (names: readonly string[]) =>
  names.map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`).join(', ');

function oneLabel({
  record,
  prediction,
  value,
  entity,
  eventTime,
  knownAt,
}: Omit<LabelOptions, 'file' | keyof CsvOptions>): LabelBody {
  if (record !== undefined && prediction !== undefined)
    throw new PlatformError(
      'invalid_argument',
      '--record and --prediction both say what the label belongs to: leave one of them out',
    );
  if (record === undefined && prediction === undefined)
    throw new PlatformError('invalid_argument', 'give --file FILE, or --record ID or --prediction ID with --value');
  if (value === undefined)
    throw new PlatformError(
      'invalid_argument',
      '--value is missing: write true, false, 1 or 0, or the outcome in its own words',
    );
  return {
    ...(record === undefined ? {} : { recordId: record }),
    ...(prediction === undefined ? {} : { predictionId: prediction }),
    ...(entity === undefined ? {} : { entity }),
    ...(eventTime === undefined ? {} : { eventTimeMs: eventTime }),
    ...(knownAt === undefined ? {} : { knownAtMs: knownAt }),
  };
}

/** What the project's rule makes of a word is known where the project is. */
function outcomeSaid(project: Project, value = ''): LabelBody {
  const label = outcomeOf(value, project);
  if ('raw' in label || typeof label.value === 'boolean') return label;
  if (label.value === 0 || label.value === 1) return { value: label.value === 1 };
  throw new PlatformError('invalid_argument', `--value '${value}': write ${outcomeWords(project)}`);
}

async function projectOf({ control }: Context, name: string): Promise<Project> {
  const projects = await control.projects();
  const found = projects.find((project) => project.name === name);
  if (found !== undefined) return projectFromDocument(JSON.stringify(found.document));
  throw await explained(new PlatformError('not_found', `no project '${name}'`), name, control, projectHere());
}

async function* labelsOf(path: string, project: Project, terms: CsvTerms): AsyncIterable<LabelBody | BrokenRow> {
  const { labelRows } = await import('../labels/label-rows.duckdb.js');
  const warn = (text: string) => process.stderr.write(`warning: ${text}\n`);
  for await (const { columns, rows } of labelRows(path, terms, warn)) {
    // Where no row of a piece can be read, it has no columns.
    const fields = columns.length === 0 ? undefined : labelFields(columns, project);
    for (const row of rows)
      yield row instanceof BrokenRow || fields === undefined
        ? (row as BrokenRow)
        : labelOf(row, fields, terms.decimal ?? project.data.decimal);
  }
}

async function sent(
  context: Context,
  project: Project,
  labels: AsyncIterable<LabelBody | BrokenRow> | Iterable<LabelBody>,
): Promise<number> {
  const { accepted, rejected, broken, refused } = await sendLabels(
    (part) => context.control.sendLabels(project.name, part),
    labels,
  );
  const lost = rejected + broken;
  context.print(
    { accepted, rejected: lost, refused },
    () =>
      [
        `${counted(accepted, 'label')} accepted, ${lost} refused`,
        ...refused.map(
          ({ row, recordId, reasons }) => `  row ${row} (${recordId || 'no id'}): ${reasonsText(reasons)}`,
        ),
        ...(accepted > 0 ? [whenTheyCount(project)] : []),
      ].join('\n'),
    [
      ...(rejected > 0 ? [...whoseAndWhen(refused), `millrace dlq list ${project.name}`] : []),
      ...(lost === 0 ? [`millrace drift ${project.name}`] : []),
    ],
  );
  return lost > 0 ? 1 : 0;
}

const reasonsText = (reasons: Refusal['reasons']) =>
  reasons.map(({ field, message }) => `${field}${field === '' ? '' : ' '}${message}`).join('; ');
