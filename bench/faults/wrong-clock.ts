// Machines whose clocks are wrong, beside those whose clocks are right: hours behind, hours ahead, days ahead. One
// machine each, so that nobody confirms what its clock says.

import { fromBinary } from '@bufbuild/protobuf';
import { ingestPb } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { BytesClient } from '@millrace/grpc';
import { eventually } from '@millrace/testing';
import { inferRequest, type Reading, readingOf, recordsRequest } from '../live/sensors.js';
import { Intake } from './intake.js';
import { EACH, type ReplicatedPlatform } from './replicated-platform.process.js';

const HOUR_MS = 3_600_000;
const CLOCKS = [
  { name: 'behind', byMs: -3 * HOUR_MS },
  { name: 'ahead', byMs: 3 * HOUR_MS },
  { name: 'days-ahead', byMs: 72 * HOUR_MS },
] as const;
const ANSWER_BYTES_MAX = 1 << 20;
const ANSWERED_WITHIN_MS = 60_000;
const EVERY_MS = 100;

export interface WrongClocks {
  /** Of each clock. */
  rows: number;
  refused: number;
}

/** Sends a row of each clock every 100 ms, so many; `startMs`: what the right clocks say then. */
export async function wrongClocks(
  platform: ReplicatedPlatform,
  project: string,
  startMs: number,
  rows: number,
): Promise<WrongClocks> {
  const intake = new Intake(
    EACH.map((replica) => platform.address('ingestGrpc', replica)),
    '/millrace.ingest.v1.IngestService/IngestRecords',
    (bytes) => fromBinary(ingestPb.IngestRecordsResponseSchema, bytes),
    0,
  );
  const router = new BytesClient(platform.address('routerGrpc', 0), systemClock, ANSWER_BYTES_MAX);
  let answered = 0;
  const predict = (reading: Reading): void => {
    const deadlineAtMs = systemClock.monotonicMs() + ANSWERED_WITHIN_MS;
    const call = { path: '/inference.GRPCInferenceService/ModelInfer', deadlineAtMs, headers: {} };
    router.unary(call, inferRequest(reading, project), ({ status }) => {
      if (status === 0) answered += 1;
    });
  };
  try {
    for (let row = 0; row < rows; row++) {
      const readings = CLOCKS.map(({ name, byMs }) => ({
        ...readingOf(name, row, startMs + EVERY_MS * row + byMs),
        machine: name,
      }));
      intake.send(row, (sequence) => recordsRequest(readings, sequence, project));
      // What is days ahead is refused by ingest; the monitor is asked of the others.
      for (const reading of readings.slice(0, 2)) predict(reading);
      await new Promise((wake) => setTimeout(wake, EVERY_MS));
    }
    const isAnswered = () => intake.oldestRow === Number.POSITIVE_INFINITY && answered === 2 * rows;
    await eventually('rows of wrong clocks are answered', isAnswered, ANSWERED_WITHIN_MS);
    return { rows, refused: intake.refused };
  } finally {
    intake.close();
    router.close();
  }
}
