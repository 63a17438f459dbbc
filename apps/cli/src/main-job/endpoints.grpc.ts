// The endpoints of a replay on real connections: two reliable streams into ingest, a V2 client at the router.

import { create } from '@bufbuild/protobuf';
import { IngestService, ingestPb } from '@millrace/contracts';
import { createClient } from '@millrace/grpc';
import type { Project } from '@millrace/project';
import type { Addresses } from '../client/addresses.js';
import { IngestStream } from '../client/ingest-stream.grpc.js';
import { PredictClient, type SignatureInput } from '../client/predict.grpc.js';
import type { TrafficEndpoints } from './traffic.js';
import { toValue, toValues } from './values.js';

/** Requests (of up to 20 rows) that may wait for ingest: 60 s of traffic at 1,000 rows/s. */
const PENDING_MAX = 30_000;

export interface ReplayEndpoints extends TrafficEndpoints {
  recordsAccepted(): number;
  drain(): Promise<void>;
  close(): void;
}

export function openEndpoints(
  addresses: Addresses,
  project: Project,
  signature: readonly SignatureInput[],
): ReplayEndpoints {
  const client = createClient(IngestService, addresses.ingestGrpc);
  const records = new IngestStream({ open: () => client.ingestRecords(), pendingMax: PENDING_MAX });
  const labels = new IngestStream({ open: () => client.ingestLabels(), pendingMax: PENDING_MAX });
  const predictor = new PredictClient(addresses.routerGrpc, signature);
  return {
    predict: (request, onDone) => predictor.predict(request, onDone),
    records: (rows) =>
      records.send((sequence) =>
        create(ingestPb.IngestRecordsRequestSchema, {
          project: project.name,
          sequence,
          records: rows.map((row) => ({ recordId: row.recordId, values: toValues(project, row.values) })),
        }),
      ),
    labels: (rows) =>
      labels.send((sequence) =>
        create(ingestPb.IngestLabelsRequestSchema, {
          project: project.name,
          sequence,
          labels: rows.map((row) => ({
            recordId: row.recordId,
            predictionId: row.predictionId,
            entity: row.entity,
            eventTimeMs: BigInt(row.eventTimeMs),
            knownAtMs: BigInt(row.knownAtMs),
            outcome: { case: 'raw' as const, value: toValue(row.raw, false) },
          })),
        }),
      ),
    recordsAccepted: () => records.acceptedRows,
    drain: async () => {
      await Promise.all([records.drain(), labels.drain()]);
    },
    close: () => {
      records.close();
      labels.close();
      predictor.close();
      client.close();
    },
  };
}
