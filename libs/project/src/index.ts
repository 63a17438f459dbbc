export { canonicalJson } from './canonical-json.js';
export { chooseRows } from './choose-rows.js';
export { deriveColumns, timePart } from './derive.js';
export { DURATION_PATTERN, parseDuration } from './duration.js';
export { planOf, signatureOf } from './feature-plan.js';
export { columnsOf, inferColumns } from './infer-columns.js';
export { doubtOf } from './inference/doubtful-values.js';
export { columnText, projectText } from './inference/project-text.js';
export { type OpenRole, type Proposal, type ProposedLabel, propose, type Wishes } from './inference/proposal.js';
export { type TableProfile, TableProfiler } from './inference/table-profile.js';
export {
  applyLabelRule,
  labelCondition,
  labelRuleText,
  nothingToLearn,
  outcomeFault,
  probableText,
  sameLabelRule,
} from './label-rule.js';
export { type ParsedProject, type ProjectFault, parseProject, projectFromDocument } from './parse-project.js';
export type {
  ColumnSpec,
  ColumnType,
  ComputedBaseline,
  LabelSpec,
  MonitoringSpec,
  OnlineFeaturesSpec,
  ProbationSpec,
  Project,
  ReplaySpec,
  RetrainSpec,
  SourceSpec,
  WebhookSpec,
} from './project.js';
export { ID_KEYS, WORKERS_MAX } from './project.js';
export { retrainsItself } from './retrains-itself.js';
export { PROJECT_NAME, projectSchema } from './schema.js';
export { isMissingText, textValue, type WrittenColumn, writtenValue } from './text-value.js';
export { TIME_FORMATS, type TimeFormat } from './time-format.js';
