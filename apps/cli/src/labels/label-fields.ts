// Rows of a file of labels as ingest's labels. A column is either a field of a label by its own name, or one of the
// project's: its record id, entity, event time, or the column of the outcome, to which the project's rule applies.

import { hint, PlatformError } from '@millrace/domain';
import { type LabelSpec, type Project, textValue, type WrittenColumn } from '@millrace/project';
import type { Decimal } from '@millrace/tabular';

/** A label as ingest's API takes it. */
export type LabelBody = Readonly<Record<string, unknown>>;

type Field = 'recordId' | 'predictionId' | 'entity' | 'eventTimeMs' | 'knownAtMs' | 'value' | 'raw';

const OWN: Readonly<Record<string, Field>> = {
  recordId: 'recordId',
  record_id: 'recordId',
  id: 'recordId',
  predictionId: 'predictionId',
  prediction_id: 'predictionId',
  entity: 'entity',
  eventTimeMs: 'eventTimeMs',
  eventTime: 'eventTimeMs',
  knownAtMs: 'knownAtMs',
  knownAt: 'knownAtMs',
  value: 'value',
  label: 'value',
  raw: 'raw',
};

const WHAT_IS =
  ' A file of labels has recordId or predictionId, value, and where the project has them entity and eventTime';

export interface LabelFields {
  readonly byColumn: ReadonlyMap<string, Field>;
  readonly project: Project;
}

/** Throws invalid_argument where a column means nothing, two mean the same, or id or value is missing. */
export function labelFields(columns: readonly string[], project: Project): LabelFields {
  const { label } = project.data;
  if (label === undefined)
    throw invalid(`project ${project.name} has no label: name one under data.label and apply it`);
  const known = namesOf(project);
  const byColumn = new Map<string, Field>();
  for (const column of columns) {
    const field = known.get(column);
    if (field === undefined)
      throw invalid(`column '${column}' is no part of a label. ${hint(column, [...known.keys()])}${WHAT_IS}`);
    const other = [...byColumn].find(([, taken]) => taken === field)?.[0];
    if (other !== undefined) throw invalid(`columns '${other}' and '${column}' are both the ${field}: leave one out`);
    byColumn.set(column, field);
  }
  const fields = new Set(byColumn.values());
  if (!fields.has('recordId') && !fields.has('predictionId'))
    throw invalid(`no column says whose label it is: name one recordId or predictionId; it has ${columns.join(', ')}`);
  if (fields.has('value') === fields.has('raw'))
    throw invalid(`name either a column value (${outcomeWords(project)}) or ${label.column}, the outcome itself`);
  return { byColumn, project };
}

function namesOf(project: Project): Map<string, Field> {
  const names = new Map<string, Field>(Object.entries(OWN));
  const { recordId: own, entity, eventTime, label, sources } = project.data;
  if (own) names.set(own, 'recordId');
  for (const { recordId } of Object.values(sources))
    if (recordId && recordId !== 'row-number') names.set(recordId, 'recordId');
  if (entity) names.set(entity, 'entity');
  if (eventTime) names.set(eventTime, 'eventTimeMs');
  if (label) names.set(label.column, 'raw');
  return names;
}

/** A row of texts (CSV) or of JSON values. Ids stay texts; an empty one is left out. */
export function labelOf(
  row: Readonly<Record<string, unknown>>,
  { byColumn, project }: LabelFields,
  decimal?: Decimal,
): LabelBody {
  const label: Record<string, unknown> = {};
  for (const [column, field] of byColumn) {
    const given = row[column];
    if (given === undefined || given === null || given === '') continue;
    const read = typeof given === 'bigint' ? String(given) : given;
    if (field === 'value') Object.assign(label, outcomeOf(read, project, decimal));
    else label[field] = typeof read === 'string' ? ofText(field, read, project, decimal) : read;
  }
  return label;
}

/** What may stand for the outcome of the project, for people. */
export function outcomeWords({ data: { label } }: Project): string {
  const said = 'true, false, 1 or 0';
  return label !== undefined && ownWords(label)
    ? `${said}, or what ${label.column} says, such as ${JSON.stringify(label.value)}`
    : said;
}

const ownWords = ({ operation, value }: LabelSpec): boolean =>
  (operation === 'eq' || operation === 'ne') && typeof value === 'string';

/**
 * A truth or a number is the label itself; any other text is the outcome's own word, where that is a text. Where the
 * outcome's words look like truths or numbers, all of their kind are its own: beside "no", "yes" is no label 1.
 */
export function outcomeOf(read: unknown, { data }: Project, decimal?: Decimal): LabelBody {
  if (typeof read !== 'string') return { value: read };
  const { label } = data;
  if (label !== undefined && ownWords(label)) {
    const kind = kindOf(read, decimal);
    if (kind === 'word' || kind === kindOf(String(label.value), decimal))
      return { raw: textValue(named(data, label.column) ?? { type: 'text' }, read) };
  }
  const truth = textValue({ type: 'boolean' }, read);
  return { value: typeof truth === 'boolean' ? truth : textValue({ type: 'number' }, read, decimal) };
}

const TRUTHS: ReadonlySet<string> = new Set(['true', 'false', 't', 'f']);

function kindOf(text: string, decimal?: Decimal): 'truth' | 'yes or no' | 'number' | 'word' {
  if (typeof textValue({ type: 'number' }, text, decimal) === 'number') return 'number';
  if (typeof textValue({ type: 'boolean' }, text) !== 'boolean') return 'word';
  return TRUTHS.has(text.trim().toLowerCase()) ? 'truth' : 'yes or no';
}

const named = ({ columns }: Project['data'], name: string | undefined): WrittenColumn | undefined =>
  columns.find((column) => column.name === name);

function ofText(
  field: Exclude<Field, 'value'>,
  text: string,
  { data }: Project,
  decimal: Decimal | undefined,
): unknown {
  switch (field) {
    case 'raw':
      return textValue(named(data, data.label?.column) ?? { type: 'text' }, text, decimal);
    case 'eventTimeMs':
      return textValue(named(data, data.eventTime) ?? { type: 'timestamp' }, text);
    case 'knownAtMs':
      return textValue({ type: 'timestamp' }, text);
    case 'recordId':
      return idOf(named(data, data.recordId), text);
    case 'entity':
      return idOf(named(data, data.entity), text);
    default:
      return text;
  }
}

/** As `ingest` reads it in a column of whole numbers: 007 names record 7. */
function idOf(column: WrittenColumn | undefined, text: string): unknown {
  if (column?.type !== 'integer') return text;
  const read = textValue(column, text);
  return typeof read === 'bigint' || Number.isSafeInteger(read) ? String(read) : (read ?? undefined);
}

const invalid = (what: string): PlatformError => new PlatformError('invalid_argument', `labels: ${what}`);
