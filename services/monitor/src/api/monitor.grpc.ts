// MonitorService (8041), proto millrace.monitoring.v1, through Nest's gRPC transport.

import { create, fromBinary } from '@bufbuild/protobuf';
import {
  dataPb,
  encodeLabel,
  encodePrediction,
  encodeWindowMetrics,
  monitoringPb,
  predictionPb,
  type WindowMetrics,
} from '@millrace/contracts';
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { ARCHIVE_SOURCES } from './archive.http.js';
import { type ArchiveSources, predictionView } from './archive-views.js';
import { VIEW_SOURCES } from './monitor.http.js';
import { type ViewSources, windowsPage } from './views.js';

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;

@Controller()
export class MonitorGrpc {
  constructor(
    @Inject(VIEW_SOURCES) private readonly sources: ViewSources,
    @Inject(ARCHIVE_SOURCES) private readonly archive: ArchiveSources,
  ) {}

  /** A row per window and cohort, newest window first. */
  @GrpcMethod('MonitorService', 'listWindows')
  listWindows(request: monitoringPb.ListWindowsRequest) {
    const limit = request.limit <= 0 ? LIMIT_DEFAULT : Math.min(request.limit, LIMIT_MAX);
    const beforeMs = request.beforeMs === undefined ? undefined : Number(request.beforeMs);
    const { page, nextBeforeMs } = windowsPage(this.sources, request.project, limit, beforeMs);
    return create(monitoringPb.ListWindowsResponseSchema, {
      windows: page.flatMap(({ metrics }) => metrics.map(rowToWire)),
      ...(nextBeforeMs === null ? {} : { nextBeforeMs: BigInt(nextBeforeMs) }),
    });
  }

  @GrpcMethod('MonitorService', 'getPrediction')
  async getPrediction({ project, predictionId, aroundMs }: monitoringPb.GetPredictionRequest) {
    const around = aroundMs === undefined ? undefined : Number(aroundMs);
    const { predictions, labels } = await predictionView(this.archive, project, predictionId, around);
    return create(monitoringPb.GetPredictionResponseSchema, {
      predictions: predictions.map((prediction) =>
        fromBinary(predictionPb.PredictionSchema, encodePrediction({ ...prediction, project })),
      ),
      labels: labels.map((label) =>
        fromBinary(dataPb.LabelSchema, encodeLabel({ ...label, project, ingestedAtMs: 0 })),
      ),
    });
  }
}

function rowToWire(row: WindowMetrics) {
  return fromBinary(monitoringPb.WindowMetricsSchema, encodeWindowMetrics(row));
}
