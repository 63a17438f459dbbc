// MonitorService (8041), proto millrace.monitoring.v1, through Nest's gRPC transport.

import { create } from '@bufbuild/protobuf';
import { monitoringPb, type WindowMetrics } from '@millrace/contracts';
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { VIEW_SOURCES } from './monitor.http.js';
import type { ViewSources } from './views.js';

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;

@Controller()
export class MonitorGrpc {
  constructor(@Inject(VIEW_SOURCES) private readonly sources: ViewSources) {}

  /** A row per window and model version, newest window first. */
  @GrpcMethod('MonitorService', 'listWindows')
  listWindows(request: monitoringPb.ListWindowsRequest) {
    const limit = request.limit <= 0 ? LIMIT_DEFAULT : Math.min(request.limit, LIMIT_MAX);
    const windows = this.sources.engine
      .windows(request.project, limit)
      .flatMap((record) => record.metrics)
      .slice(0, LIMIT_MAX)
      .map(rowToWire);
    return create(monitoringPb.ListWindowsResponseSchema, { windows });
  }
}

/** History holds null where a number does not exist; the wire has NaN. */
const number = (value: number | null | undefined): number => value ?? Number.NaN;

function rowToWire(row: WindowMetrics) {
  return {
    project: row.project,
    windowStartMs: BigInt(row.windowStartMs),
    windowEndMs: BigInt(row.windowEndMs),
    predictions: BigInt(row.predictions),
    labels: BigInt(row.labels),
    modelVersion: row.modelVersion,
    tests: row.tests.map((test) => ({ ...test, pValue: number(test.pValue), rows: BigInt(test.rows) })),
    ...(row.quality === undefined
      ? {}
      : {
          quality: {
            rows: BigInt(row.quality.rows),
            accuracy: number(row.quality.accuracy),
            auc: number(row.quality.auc),
            logLoss: number(row.quality.logLoss),
            positiveShare: number(row.quality.positiveShare),
            meanProbability: number(row.quality.meanProbability),
          },
        }),
    ...(row.software === undefined
      ? {}
      : {
          software: {
            requestsPerSecond: number(row.software.requestsPerSecond),
            errorShare: number(row.software.errorShare),
            p50Ms: number(row.software.p50Ms),
            p99Ms: number(row.software.p99Ms),
          },
        }),
    closedAtMs: BigInt(row.closedAtMs),
  };
}
