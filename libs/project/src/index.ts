export { canonicalJson } from './canonical-json.js';
export { chooseRows } from './choose-rows.js';
export { deriveColumns, timePart } from './derive.js';
export { parseDate, parseDuration } from './duration.js';
export { inferColumns } from './infer-columns.js';
export { applyLabelRule } from './label-rule.js';
export { type ParsedProject, type ProjectFault, parseProject, projectFromDocument } from './parse-project.js';
export type {
  BaselineSpec,
  ColumnSpec,
  ColumnType,
  DeriveSpec,
  EvaluationSpec,
  FeatureSpec,
  LabelSpec,
  ModelSpec,
  MonitoringSpec,
  OnlineFeaturesSpec,
  Project,
  ProjectData,
  ProjectScope,
  ReplaySpec,
  RetrainSpec,
  RolloutSpec,
  ServingSpec,
  SourceSpec,
  TrainingSpec,
} from './project.js';
export { projectSchema } from './schema.js';
