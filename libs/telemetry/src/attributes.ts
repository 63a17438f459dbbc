// Names of attributes of spans and log lines.

/**
 * Span and log attributes with a meaning of our own; messaging and rpc attributes follow the OpenTelemetry conventions.
 */
export const ATTRIBUTES = {
  project: 'millrace.project',
  entity: 'millrace.entity',
  modelVersion: 'ml.model.version',
  modelName: 'ml.model.name',
  rows: 'millrace.rows',
  rolloutStep: 'millrace.rollout.step',
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
} as const;
