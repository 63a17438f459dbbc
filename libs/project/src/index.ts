export type {
  BaselineSpec, ColumnSpec, ColumnType, DeriveSpec, EvaluationSpec, FeatureSpec, LabelSpec, ModelSpec, MonitoringSpec,
  Project, ProjectData, ProjectScope, ReplaySpec, RetrainSpec, RolloutSpec, SourceSpec, TrainingSpec,
} from './project.js';
