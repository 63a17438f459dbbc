// The one list of attributes of spans, logs and events, and of events' names.

/**
 * Span and log attributes with a meaning of our own; messaging, rpc and feature_flag attributes follow the
 * OpenTelemetry conventions.
 */
export const ATTRIBUTES = {
  project: 'millrace.project',
  entity: 'millrace.entity',
  modelVersion: 'ml.model.version',
  modelName: 'ml.model.name',
  rows: 'millrace.rows',
  rolloutStep: 'millrace.rollout.step',
  experiment: 'millrace.experiment',
  fallbackFrom: 'millrace.fallback.from',
  correlationId: 'millrace.correlation_id',
  artifactPath: 'millrace.artifact.path',
  errorCode: 'millrace.error.code',
  messagingSystem: 'messaging.system',
  messagingDestination: 'messaging.destination.name',
  messagingPartition: 'messaging.destination.partition.id',
  messagingBatchCount: 'messaging.batch.message_count',
  messagingOperation: 'messaging.operation.type',
  rpcMethod: 'rpc.method',
  rpcService: 'rpc.service',
  rpcStatus: 'rpc.grpc.status_code',
  // "Semantic conventions for feature flags in events": which version a request was routed to, and why.
  flagKey: 'feature_flag.key',
  flagProvider: 'feature_flag.provider.name',
  flagVariant: 'feature_flag.result.variant',
  flagValue: 'feature_flag.result.value',
  flagReason: 'feature_flag.result.reason',
  flagContextId: 'feature_flag.context.id',
  flagVersion: 'feature_flag.version',
} as const;

/** Events, named as OpenTelemetry's conventions do. */
export const EVENTS = { flagEvaluation: 'feature_flag.evaluation' } as const;
