// What travels between services: topics, keys, one codec per message, and the generated descriptors that edges need.

export { type AuditEntry, decodeAuditEntry, encodeAuditEntry } from './audit.codec.js';
export {
  type Command,
  type DatasetAction,
  decodeCommand,
  type EndImportAction,
  encodeCommand,
  type HoldAction,
  isDatasetAction,
} from './command.codec.js';
export { DATASET_COLUMNS, type DatasetColumns, datasetColumnsOf, LABEL_KNOWN_COLUMN } from './dataset-file.js';
export {
  type DatasetVersion,
  decodeDatasetVersion,
  encodeDatasetVersion,
  type NulledColumn,
  type OffsetRange,
} from './dataset-version.codec.js';
export {
  DEAD_LETTER_PAYLOAD_BYTES_MAX,
  type DeadLetter,
  decodeDeadLetter,
  encodeDeadLetter,
  type Reason,
  type ReasonCode,
} from './dead-letter.codec.js';
export {
  type AnyDriftEvent,
  type CorrectionData,
  DRIFT_CONTENT_TYPE,
  DRIFT_CORRECTION_TYPE,
  DRIFT_ENDED_TYPE,
  DRIFT_EVENT_TYPE,
  type DriftCorrection,
  type DriftData,
  type DriftEnd,
  type DriftEvent,
  decodeDriftEvent,
  type EndData,
  encodeDriftEvent,
} from './drift-event.codec.js';
export { decodeEvidence, encodeEvidence } from './evidence.codec.js';
export * as healthPb from './gen/grpc/health/v1/health_pb.js';
export { Health } from './gen/grpc/health/v1/health_pb.js';
export * as inferencePb from './gen/inference/grpc_service_pb.js';
export { GRPCInferenceService } from './gen/inference/grpc_service_pb.js';
export * as modelConfigPb from './gen/inference/model_config_pb.js';
export * as collectivePb from './gen/millrace/collective/v1/collective_pb.js';
export { CollectiveService } from './gen/millrace/collective/v1/collective_pb.js';
export * as controlPb from './gen/millrace/control/v1/control_pb.js';
export * as dataPb from './gen/millrace/data/v1/data_pb.js';
export * as ingestPb from './gen/millrace/ingest/v1/ingest_pb.js';
export { IngestService } from './gen/millrace/ingest/v1/ingest_pb.js';
export * as modelPb from './gen/millrace/model/v1/model_pb.js';
export * as monitoringPb from './gen/millrace/monitoring/v1/monitoring_pb.js';
export { MonitorService } from './gen/millrace/monitoring/v1/monitoring_pb.js';
export * as predictionPb from './gen/millrace/prediction/v1/prediction_pb.js';
export * as relayPb from './gen/millrace/relay/v1/relay_pb.js';
export { RelayService } from './gen/millrace/relay/v1/relay_pb.js';
export * as routePb from './gen/millrace/route/v1/route_pb.js';
export { RouteService } from './gen/millrace/route/v1/route_pb.js';
export * as trainingPb from './gen/millrace/training/v1/training_pb.js';
export { TrainingService } from './gen/millrace/training/v1/training_pb.js';
export * as onnxPb from './gen/onnx/onnx_pb.js';
export {
  decodeIngestLabels,
  decodeIngestRecords,
  encodeIngestAnswer,
  type IngestRequest,
  type LabelGiven,
  type RecordGiven,
} from './ingest-request.codec.js';
export { decodeLabel, encodeLabel, type LabelMessage } from './label.codec.js';
export { type ModelConfigInit, modelConfigJson } from './model-config.js';
export { decodeModelVersion, encodeModelVersion, type ModelVersion } from './model-version.codec.js';
export { decodePartialProfile, encodePartialProfile } from './partial-profile.codec.js';
export { decodePrediction, encodePrediction, type PredictionMessage } from './prediction.codec.js';
export {
  type ClosingProgress,
  decodeProgress,
  encodeProgress,
  type HoldProgress,
  type ImportEndProgress,
  type OpenSpanProgress,
  type Progress,
  type ProjectReading,
  type ReadingProgress,
  type SegmentEntry,
  type SegmentKind,
} from './progress.codec.js';
export { decodeProject, encodeProject, type ProjectEntry } from './project.codec.js';
export { decodeRecord, encodeRecord, type RecordMessage } from './record.codec.js';
export {
  type BatchColumn,
  decodeRecordBatch,
  encodeRecordBatch,
  type ParquetRows,
  type RecordBatch,
} from './record-batch.codec.js';
export { RecordBlock } from './record-block.codec.js';
export { decodeReferenceProfile, encodeReferenceProfile, type ReferenceProfile } from './reference-profile.codec.js';
export { decodeRolloutLosses, encodeRolloutLosses, type RolloutLossesMessage } from './rollout-losses.codec.js';
export { decodeRoute, encodeRoute } from './route.codec.js';
export {
  DEFAULT_TOPIC_TERMS,
  messageKey,
  TOPICS,
  type Topic,
  type TopicSpec,
  type TopicTerms,
  topicName,
  topicsBy,
} from './topics.js';
export { decodeTrainerEntry, encodeTrainerEntry, type TrainerEntry } from './trainer-entry.codec.js';
export {
  decodeTrainingEvent,
  encodeTrainingEvent,
  type TrainingEvent,
  type TrainingStep,
} from './training-event.codec.js';
export {
  decodeWindowMetrics,
  encodeWindowMetrics,
  type SoftwareMetrics,
  type WindowMetrics,
} from './window-metrics.codec.js';
