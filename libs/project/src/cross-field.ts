// Rules of the project file that join two places: names that must exist, kinds that must fit, orders that must hold.
// Each fault names the path it stands at; positions are found by the caller.

import { hint, type Scalar } from '@millrace/domain';
import { subjectNames } from '@millrace/drift';
import { STRATEGIES } from '@millrace/routing';
import { checkAnalysis } from './analysis-schema.js';
import { checkMatches } from './check-matches.js';
import { parseDate } from './duration.js';
import { COMPUTED_BASELINES, type ColumnSpec, type FeatureSpec, type LabelSpec, type Project } from './project.js';
import { versionsTaught } from './retrains-itself.js';
import { checkRolloutTerms } from './rollout-terms.js';

export type FaultPath = readonly (string | number)[];

export interface PathFault {
  path: FaultPath;
  message: string;
}

type Report = (path: FaultPath, message: string) => void;

const COMPARISONS = new Set(['gt', 'ge', 'lt', 'le']);

function repeated(names: readonly string[], at: (index: number) => FaultPath, what: string, report: Report): void {
  const seen = new Map<string, number>();
  names.forEach((name, index) => {
    // DuckDB compares column names without case.
    const key = name.toLowerCase();
    const first = seen.get(key);
    if (first !== undefined)
      report(at(index), `${what} '${name}' stands here twice (also number ${first + 1}). Remove one.`);
    else seen.set(key, index);
  });
}

function checkColumn(
  column: ColumnSpec,
  path: FaultPath,
  columns: ReadonlyMap<string, ColumnSpec>,
  report: Report,
): void {
  const numeric = column.type === 'number' || column.type === 'integer';
  for (const bound of ['min', 'max'] as const) {
    if (column[bound] !== undefined && !numeric) {
      report(
        [...path, bound],
        `${bound} needs a number or integer column, '${column.name}' is ${column.type}. Remove it.`,
      );
    }
  }
  if (column.min !== undefined && column.max !== undefined && column.min > column.max) {
    report([...path, 'max'], `max ${column.max} is below min ${column.min}. Swap or correct them.`);
  }
  if (column.domain !== undefined && column.type !== 'text') {
    report([...path, 'domain'], `domain needs a text column, '${column.name}' is ${column.type}. Remove it.`);
  }
  if (column.format !== undefined && column.type !== 'timestamp') {
    report([...path, 'format'], `format needs a timestamp column, '${column.name}' is ${column.type}. Remove it.`);
  }
  const both = column.missing?.find((text) => column.domain?.includes(text));
  if (both !== undefined) {
    report([...path, 'missing'], `'${both}' is missing here and a value of the domain. Remove it in one of them.`);
  }
  if (column.derive === undefined) return;
  const source = columns.get(column.derive.from);
  if (source === undefined) {
    report(
      [...path, 'derive', 'from'],
      `no column '${column.derive.from}'. ${hint(column.derive.from, [...columns.keys()])}`,
    );
  } else if (source.type !== 'timestamp') {
    report([...path, 'derive', 'from'], `'${source.name}' is ${source.type}; derive needs a timestamp column.`);
  }
  if (!numeric) report([...path, 'type'], `a derived column is integer or number, not ${column.type}.`);
}

function checkData(project: Project, columns: ReadonlyMap<string, ColumnSpec>, report: Report): void {
  const { data } = project;
  const known = [...columns.keys()];
  repeated(
    data.columns.map((column) => column.name),
    (index) => ['data', 'columns', index, 'name'],
    'column',
    report,
  );
  data.columns.forEach((column, index) => {
    checkColumn(column, ['data', 'columns', index], columns, report);
  });
  const must = (path: FaultPath, name: string, check: (column: ColumnSpec) => string | null): void => {
    const column = columns.get(name);
    const fault = column === undefined ? `no column '${name}'. ${hint(name, known)}` : check(column);
    if (fault !== null) report(path, fault);
  };
  const present = (column: ColumnSpec, what: string): string | null =>
    column.required && !column.outcome
      ? null
      : `the ${what} column '${column.name}' needs required: true and no outcome.`;
  const names = (column: ColumnSpec, what: string): string | null =>
    column.type === 'text' || column.type === 'integer'
      ? present(column, what)
      : `the ${what} column is text or integer, '${column.name}' is ${column.type}.`;
  if (data.recordId !== undefined) must(['data', 'recordId'], data.recordId, (column) => names(column, 'record-id'));
  if (data.entity !== undefined) must(['data', 'entity'], data.entity, (column) => names(column, 'entity'));
  if (data.eventTime !== undefined)
    must(['data', 'eventTime'], data.eventTime, (column) =>
      column.type === 'timestamp'
        ? present(column, 'event-time')
        : `the event time is a timestamp column, '${column.name}' is ${column.type}.`,
    );
  if (data.label !== undefined) {
    const { label } = data;
    must(['data', 'label', 'column'], label.column, (column) => labelColumnFault(label, column));
    checkLabelRule(label, report);
  }
  if (data.labelRefreshMs < 1_000) report(['data', 'label', 'refresh'], 'late labels are joined every 1s at most.');
  if (data.labelWaitMs < data.labelRefreshMs)
    report(['data', 'label', 'wait'], 'a label waits until it was looked for once (data.label.refresh), or longer.');
  if (data.closeAfterIdleMs < 1_000)
    report(['data', 'closeAfterIdle'], 'a stream is idle after 1s without a message at the earliest.');
  if (data.versionEveryMs < 1_000)
    report(['data', 'versionEvery'], 'a dataset version spans at least 1s of event time.');
  for (const [name, source] of Object.entries(data.sources)) {
    if (data.recordId === undefined || source.recordId === data.recordId) continue;
    report(
      ['data', 'sources', name, 'recordId'],
      `data.recordId says that '${data.recordId}' identifies a record, wherever it comes from. Remove recordId here.`,
    );
  }
}

/** Keys of a policy that is not the project's. `document`: as it was written, without defaults. */
function checkRetrainPolicy(written: unknown, report: Report): void {
  const retrain = (written as { retrain?: Record<string, unknown> } | undefined)?.retrain ?? {};
  const { policy = 'alarm', prices, onDrift, every, rows, versionsMax } = retrain;
  const refuse = (key: string, message: string): void => report(['retrain', key], message);
  if (policy !== 'cost' && prices !== undefined)
    refuse('prices', `prices are of policy cost, and this one is ${policy}. Write policy: cost, or remove prices.`);
  if (policy !== 'cost' && versionsMax !== undefined)
    refuse('versionsMax', `versionsMax is of policy cost, and this one is ${policy}. Remove versionsMax.`);
  if (policy === 'cost') {
    if (prices === undefined)
      refuse('policy', 'policy cost needs prices. Add prices: { retraining: …, loss: … }, in one unit of your choice.');
    for (const [key, value] of Object.entries({ onDrift, every, rows }))
      if (value !== undefined && value !== false)
        refuse(key, `policy cost begins a retraining where it pays, and for nothing else. Remove ${key}.`);
  }
  if (policy === 'schedule') {
    if (every === undefined && rows === undefined)
      refuse('policy', 'policy schedule needs every or rows. Add one of them, such as every: 7d.');
    if (onDrift === true)
      refuse('onDrift', 'policy schedule answers no drift. Remove onDrift, or write policy: alarm.');
  }
}

function labelColumnFault({ operation }: LabelSpec, column: ColumnSpec): string | null {
  if (!column.outcome) return `the label's column '${column.name}' must be declared with outcome: true.`;
  if (COMPARISONS.has(operation) && column.type !== 'number' && column.type !== 'integer') {
    return `operation ${operation} needs a number or integer column, '${column.name}' is ${column.type}.`;
  }
  return null;
}

function checkLabelRule({ operation, value }: LabelSpec, report: Report): void {
  if (operation !== 'identity' && value === null) {
    report(['data', 'label'], `operation ${operation} needs a value to compare with. Add value.`);
  }
  if (COMPARISONS.has(operation) && value !== null && typeof value !== 'number') {
    report(['data', 'label', 'value'], `operation ${operation} compares numbers; write value as a number.`);
  }
}

/** A rule that would label no row, or says what has no effect. */
function checkLabelTypes({ operation, value }: LabelSpec, column: ColumnSpec, report: Report): void {
  const path = ['data', 'label', 'value'];
  const { name, type } = column;
  if (operation === 'identity') {
    if (value !== null)
      report(path, 'operation identity takes the column as it is, whatever value says. Remove value.');
    if (type === 'text' || type === 'timestamp')
      report(
        ['data', 'label', 'column'],
        `'${name}' is ${type} and no label by itself. Write operation: eq and the value that means yes.`,
      );
  } else if (value !== null && !COMPARISONS.has(operation)) {
    const wanted = comparedAs(column);
    if (typeof value !== wanted.type)
      report(path, `'${name}' is ${type}, ${JSON.stringify(value)} is none. Write ${wanted.words}.`);
  }
}

function comparedAs({ type }: ColumnSpec): { type: string; words: string } {
  if (type === 'text') return { type: 'string', words: 'a text, in quotes where YAML takes it for something else' };
  if (type === 'boolean') return { type: 'boolean', words: 'true or false' };
  return { type: 'number', words: 'a number' };
}

/** Steps where the strategy takes none change nothing, and a weight that does not grow takes traffic back. */
function checkRollout({ rollout, data }: Project, document: unknown, report: Report): void {
  const { strategy, steps = [] } = rollout;
  const isLabelled = data.label !== undefined;
  checkAnalysis(rollout, isLabelled, document, report);
  checkRolloutTerms(rollout, document, report);
  checkBandit(rollout, isLabelled, document, report);
  const path = ['rollout', 'steps'];
  const takesSteps = STRATEGIES.filter((one) => one.withSteps !== undefined).map(({ name }) => name);
  if (steps.length > 0 && !takesSteps.includes(strategy))
    report(
      path,
      `steps do not fit strategy ${strategy}, which takes none. Write strategy: ${takesSteps.join(' or ')}, or remove steps.`,
    );
  steps.forEach(({ weight }, index) => {
    const before = steps[index - 1]?.weight ?? 0;
    if (weight <= before)
      report(
        [...path, index, 'weight'],
        `weight ${weight} follows ${before}: each step gives more than the one before.`,
      );
  });
  const written = (document as { rollout?: { steps?: { for?: unknown; until?: unknown }[] } }).rollout?.steps ?? [];
  written.forEach((step, index) => {
    if (step.for !== undefined && step.until !== undefined)
      report([...path, index, 'until'], 'a step has a time or waits for a person. Remove for or until.');
  });
}

const BANDIT_EVERY_MS_MIN = 1_000;

/** Labels move its shares: without them it would only wait. */
function checkBandit(
  { strategy, bandit, analysis }: Project['rollout'],
  isLabelled: boolean,
  document: unknown,
  report: Report,
) {
  const path = ['rollout', 'bandit'];
  const written = (document as { rollout?: { bandit?: Record<string, unknown> } }).rollout?.bandit ?? {};
  if (bandit === undefined) {
    if (Object.keys(written).length > 0)
      report(path, `bandit does not fit strategy ${strategy}. Write strategy: bandit, or remove bandit.`);
    return;
  }
  if (!isLabelled)
    report(
      ['rollout', 'strategy'],
      'a bandit follows labels, and the project has none. Add data.label, or write strategy: canary.',
    );
  if (analysis.quality.required)
    report(
      ['rollout', 'analysis', 'quality', 'required'],
      'a bandit waits for labels by itself, until its time is over. Remove required.',
    );
  const { start, floor, everyMs, forMs } = bandit;
  if (start < floor || start > 100 - floor)
    report(
      [...path, 'start'],
      `start ${start} leaves a side less than floor ${floor}. Write ${floor} to ${100 - floor}.`,
    );
  if (everyMs < BANDIT_EVERY_MS_MIN)
    report([...path, 'every'], `every is ${everyMs} ms, labels are told once a second. Write 1s or more.`);
  if (forMs <= everyMs) report([...path, 'for'], `for ends before the first move (every, ${everyMs} ms). Write more.`);
}

/** Keys that speak of what the project does not have: written down they would change nothing. */
function checkAbsent({ data, scope }: Project, document: unknown, report: Report): void {
  const refuse = (path: readonly string[], message: string, value?: unknown): void => {
    const written = path.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);
    if (value === undefined ? written !== undefined : written === value) report(path, message);
  };
  if (data.entity === undefined) {
    refuse(
      ['rollout', 'sticky'],
      'sticky keeps the requests of an entity on one version, and the project has none. Name its column with data.entity, or remove sticky.',
      true,
    );
    refuse(
      ['serving', 'onlineFeatures'],
      'online features are looked up by entity, and the project has none. Name its column with data.entity, or remove onlineFeatures.',
    );
  }
  if (data.eventTime === undefined) {
    refuse(
      ['evaluation', 'from'],
      'from is an event time, and the project has none. Write share, or name the time column with data.eventTime.',
    );
    data.columns.forEach(({ name, derive }, index) => {
      if (derive === undefined) return;
      report(
        ['data', 'columns', index, 'derive'],
        `'${name}' is a part of the event time, and the project has none. Name the column with data.eventTime (eventTime: ${derive.from}), or send '${name}' itself and remove derive.`,
      );
    });
  }
  if (scope.task === 'score') {
    const why = 'a project of task score is watched, not judged';
    refuse(['data', 'label'], `${why}. Remove data.label, or write task: binary.`);
    for (const key of ['metric', 'baselines']) refuse(['scope', key], `${why}. Remove ${key}.`);
  }
  if (data.label === undefined) {
    const why = 'nothing is trained without a label. Add data.label, or remove';
    for (const key of ['from', 'share', 'confidence', 'thresholds']) refuse(['evaluation', key], `${why} ${key}.`);
    refuse(['training'], `${why} training.`);
    refuse(['retrain'], `${why} retrain.`);
    refuse(['rollout', 'probation'], 'nothing is compared without a label. Add data.label, or remove probation.');
  }
  for (const key of ['entity', 'eventTime', 'label'] as const) {
    if (data[key] === undefined)
      refuse(['replay'], `a replay plays records of entities over event time, with their labels. Add data.${key}.`);
  }
}

function checkFeature(
  feature: FeatureSpec,
  path: FaultPath,
  column: ColumnSpec | undefined,
  known: string[],
  report: Report,
): void {
  if (column === undefined) {
    report([...path, 'name'], `no column '${feature.name}'. ${hint(feature.name, known)}`);
    return;
  }
  if (column.outcome)
    report([...path, 'name'], `'${feature.name}' carries the outcome and cannot be a feature. Remove it.`);
  if (feature.kind === 'numeric' && (column.type === 'text' || column.type === 'boolean')) {
    report([...path, 'kind'], `column '${feature.name}' is ${column.type}; use kind: categorical.`);
  }
  const foreign =
    feature.kind === 'numeric'
      ? (['minCount', 'vocabularyMax', 'embedding'] as const)
      : (['scaling', 'period', 'clamp'] as const);
  for (const key of foreign) {
    if (feature[key] !== undefined) report([...path, key], `${key} does not fit a ${feature.kind} feature. Remove it.`);
  }
  if (feature.kind === 'numeric' && feature.missing === 'unknown') {
    report([...path, 'missing'], 'a numeric feature has no unknown bucket; use mean or { constant: n }.');
  }
  if (feature.kind === 'categorical' && feature.missing !== undefined && feature.missing !== 'unknown') {
    report([...path, 'missing'], 'a missing category becomes the unknown bucket; use unknown.');
  }
}

/** Smallest that makes sense: a projection is at least some milliseconds behind its topic. */
const ONLINE_AGE_MS_MIN = 100;

function checkOnlineFeatures(project: Project, features: readonly string[], report: Report): void {
  const online = project.serving.onlineFeatures;
  if (online === undefined) return;
  const path = ['serving', 'onlineFeatures'];
  const columns = new Map(project.data.columns.map((column) => [column.name, column]));
  repeated(online.columns, (index) => [...path, 'columns', index], 'column', report);
  online.columns.forEach((name, index) => {
    const fault = onlineColumnFault(project, columns.get(name), name, features);
    if (fault !== null) report([...path, 'columns', index], fault);
  });
  if (online.maxAgeMs < ONLINE_AGE_MS_MIN)
    report([...path, 'maxAge'], `a value is at least ${ONLINE_AGE_MS_MIN}ms of event time good.`);
  if (online.keepMs < 1_000) report([...path, 'keep'], 'an entity is kept for at least 1s.');
  for (const [name, value] of Object.entries(online.defaults)) {
    if (!online.columns.includes(name)) {
      report([...path, 'defaults', name], `'${name}' is no online column. ${hint(name, online.columns)}`);
      continue;
    }
    const column = columns.get(name);
    const fault = column === undefined ? null : valueFault(column, value);
    if (fault !== null) report([...path, 'defaults', name], fault);
  }
}

function onlineColumnFault(
  { data }: Project,
  column: ColumnSpec | undefined,
  name: string,
  features: readonly string[],
): string | null {
  if (column === undefined) return `no column '${name}'. ${hint(name, [...features])}`;
  if (name === data.entity) return `'${name}' names the entity: a request must bring it. Remove it.`;
  if (name === data.eventTime) return `'${name}' is the event time: a request must bring it. Remove it.`;
  if (column.derive !== undefined && column.derive.from === data.eventTime)
    return `'${name}' is derived from '${data.eventTime}' of the request itself. Remove it.`;
  return features.includes(name) ? null : `'${name}' is no feature: the model would not read it. Remove it.`;
}

/** Why a value does not fit its column; null = it fits. */
function valueFault(column: ColumnSpec, value: Scalar): string | null {
  const wanted = column.type === 'text' ? 'string' : column.type === 'boolean' ? 'boolean' : 'number';
  if (typeof value !== wanted) return `'${column.name}' is ${column.type}; write a ${column.type} value.`;
  if (typeof value === 'number') {
    if (column.type !== 'number' && !Number.isSafeInteger(value))
      return `'${column.name}' is ${column.type}; ${value} is not.`;
    if (column.min !== undefined && value < column.min)
      return `${value} is below min ${column.min} of '${column.name}'.`;
    if (column.max !== undefined && value > column.max)
      return `${value} is above max ${column.max} of '${column.name}'.`;
  }
  if (typeof value === 'string' && column.domain !== undefined && !column.domain.includes(value))
    return `'${value}' is not in the domain of '${column.name}'. ${hint(value, column.domain)}`;
  return null;
}

/** What a logistic model does not have must not be written: it would change nothing. */
function checkModel(document: unknown, report: Report): void {
  const { model } = document as { model?: Readonly<Record<string, unknown>> };
  if (model?.kind !== 'logistic') return;
  for (const key of ['hidden', 'activation', 'dropout'])
    if (model[key] !== undefined)
      report(['model', key], `a logistic model has no hidden layers. Remove ${key}, or use kind: mlp.`);
}

function checkReplay(project: Project, features: readonly string[], report: Report): void {
  const { replay } = project;
  if (replay === undefined) return;
  const sources = Object.keys(project.data.sources);
  if (!sources.includes(replay.source)) {
    report(['replay', 'source'], `no source '${replay.source}' under data.sources. ${hint(replay.source, sources)}`);
  }
  for (const part of ['history', 'live'] as const) {
    if (replay[part].toMs <= replay[part].fromMs) report(['replay', part, 'to'], 'to must be later than from.');
  }
  const { fromMs, toMs, trainToMs } = replay.history;
  if (trainToMs <= fromMs || trainToMs > toMs)
    report(['replay', 'history', 'trainTo'], 'trainTo lies between from and to.');
  replay.shift?.operations.forEach((operation, index) => {
    if (features.includes(operation.feature)) return;
    const path = ['replay', 'shift', 'operations', index, 'feature'];
    report(path, `no feature '${operation.feature}'. ${hint(operation.feature, features)}`);
  });
}

function sliceFault(column: ColumnSpec | undefined, name: string, known: string[]): string | null {
  if (column === undefined) return `no column '${name}'. ${hint(name, known)}`;
  if (column.outcome) return `'${name}' carries the outcome, which dataset files do not hold. Remove it.`;
  return column.type === 'number' || column.type === 'timestamp'
    ? `'${name}' is ${column.type}; slices need a text, integer or boolean column.`
    : null;
}

function checkBaselines({ scope }: Project, report: Report): void {
  repeated(
    scope.baselines.map(({ name }) => name),
    (index) => ['scope', 'baselines', index, 'name'],
    'baseline',
    report,
  );
  scope.baselines.forEach((baseline, index) => {
    const { name, value } = baseline;
    if (isComparable(baseline)) return;
    const path = ['scope', 'baselines', index];
    if (value !== undefined)
      report([...path, 'value'], `'${name}' is computed on the same rows. Remove value, or give it another name.`);
    else
      report(
        path,
        `'${name}' is not computed. Add value, its ${scope.metric}, or write ${COMPUTED_BASELINES.join(' or ')}.`,
      );
  });
}

/** Either computed on the same rows, or with a stated value; not both and not neither. */
function isComparable({ name, value }: Project['scope']['baselines'][number]): boolean {
  const computed: readonly string[] = COMPUTED_BASELINES;
  return computed.includes(name) === (value === undefined);
}

/**
 * A stored project without what parseProject refuses today and release 0.1 took: it had no effect then and has none
 * now. A project must not vanish from the services because a rule came after it was applied.
 */
export function withoutRefusedParts(project: Project): Project {
  const { scope, evaluation, data } = project;
  const columns = new Map(data.columns.map((column) => [column.name, column]));
  const firstOf = <T>(items: readonly T[], key: (item: T) => string): T[] =>
    items.filter((item, i) => items.findIndex((other) => key(other) === key(item)) === i);
  const slices = firstOf(evaluation.slices, (name) => name);
  return {
    ...project,
    scope: { ...scope, baselines: firstOf(scope.baselines, ({ name }) => name).filter(isComparable) },
    evaluation: {
      ...evaluation,
      slices: slices.filter((name) => sliceFault(columns.get(name), name, []) === null),
    },
  };
}

/** Dates that match the pattern but name no day. */
function checkDates(document: unknown, report: Report): void {
  const places = [
    ['evaluation', 'from'],
    ...['from', 'to', 'trainTo'].map((key) => ['replay', 'history', key]),
    ...['from', 'to', 'reserveFrom'].map((key) => ['replay', 'live', key]),
  ];
  for (const path of places) {
    const value = path.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);
    if (typeof value === 'string' && parseDate(value) === null)
      report(path, `'${value}' is not a day of the calendar.`);
  }
}

/** All cross-field faults, in the order of the file's sections. */
/** `stored`: applied before, perhaps by an earlier release. */
export function crossFieldFaults(project: Project, document: unknown, stored = false): PathFault[] {
  const faults: PathFault[] = [];
  const report: Report = (path, message) => faults.push({ path, message });
  const columns = new Map(project.data.columns.map((column) => [column.name, column]));
  const known = [...columns.keys()];
  const features = project.features.map((feature) => feature.name);

  checkData(project, columns, report);
  checkAbsent(project, document, report);
  checkRollout(project, document, report);
  checkMatches(project.rollout.matches ?? [], report);
  checkRetrainPolicy(document, report);
  repeated(features, (index) => ['features', index, 'name'], 'feature', report);
  project.features.forEach((feature, index) => {
    checkFeature(feature, ['features', index], columns.get(feature.name), known, report);
    if (feature.name === project.data.recordId)
      report(['features', index, 'name'], `'${feature.name}' identifies the record and says nothing else. Remove it.`);
  });
  if (!stored) {
    checkModel(document, report);
    const { label } = project.data;
    const column = columns.get(label?.column ?? '');
    if (label !== undefined && column !== undefined) checkLabelTypes(label, column, report);
  }
  project.model.crosses.forEach((cross, index) => {
    cross.columns.forEach((name, place) => {
      if (!features.includes(name))
        report(['model', 'crosses', index, 'columns', place], `no feature '${name}'. ${hint(name, features)}`);
    });
  });
  if (project.evaluation.share <= 0 || project.evaluation.share >= 1) {
    report(['evaluation', 'share'], 'share lies between 0 and 1, both excluded.');
  }
  project.evaluation.slices.forEach((name, index) => {
    const fault = sliceFault(columns.get(name), name, known);
    if (fault !== null) report(['evaluation', 'slices', index], fault);
  });
  repeated(project.evaluation.slices, (index) => ['evaluation', 'slices', index], 'column', report);
  checkBaselines(project, report);
  project.evaluation.thresholds.forEach((threshold, index) => {
    if (threshold.min === undefined && threshold.max === undefined) {
      report(['evaluation', 'thresholds', index], `the gate on ${threshold.metric} needs min or max.`);
    }
  });
  if (project.monitoring.windowMs < 1_000)
    report(['monitoring', 'window'], 'a window spans at least 1s of event time.');
  for (const name of Object.keys(project.monitoring.input.features)) {
    if (!features.includes(name))
      report(['monitoring', 'input', 'features', name], `no feature '${name}'. ${hint(name, features)}`);
  }
  const subjects = [...features, ...subjectNames('output')];
  const { versions, versionsMax = versions } = project.retrain;
  if (versionsMax < versions)
    report(
      ['retrain', 'versionsMax'],
      `a retraining takes ${versions} dataset versions (retrain.versions): write at least ${versions}.`,
    );
  const { datasets } = project.retention;
  // The loop names the newest ones when a training starts.
  const needed = versionsTaught(project.retrain);
  if (datasets !== undefined && datasets.keep < needed)
    report(
      ['retention', 'datasets', 'keep'],
      `a retraining takes the newest ${needed} dataset versions (retrain.${project.retrain.versionsMax === undefined ? 'versions' : 'versionsMax'}): keep at least as many.`,
    );
  const { approval, approvers = 1, approvalExpiresMs } = project.retrain;
  if (approval === 'automatic' && project.rollout.automatic) {
    const hint = 'nobody is asked: set retrain.approval: manual or rollout.automatic: false, or leave it out.';
    if (approvers > 1) report(['retrain', 'approvers'], hint);
    if (approvalExpiresMs !== undefined) report(['retrain', 'approvalExpires'], hint);
  }
  project.retrain.features.forEach((name, index) => {
    if (!subjects.includes(name))
      report(['retrain', 'features', index], `no feature '${name}'. ${hint(name, subjects)}`);
  });
  checkOnlineFeatures(project, features, report);
  checkDates(document, report);
  checkReplay(project, features, report);
  return faults;
}
