// What ingest holds after 3,000,000 imported and 1,200,000 live records, once it has nothing more to do.

import { systemClock } from '@millrace/domain';
import type { Outcome } from '../serving/row.js';
import { importAll } from './bulk.js';
import { grpcRate, settled } from './grpc.js';
import { type Ingest, stateOf } from './ingest.process.js';

const LIVE_RECORDS = 1_200_000;
/** Sent in parts, so that the load does not hold them all encoded. */
const PARTS = 6;
const RSS_MIB_MAX = 400;
/** Until the service has had the time to give memory back, at its pace. */
const REST_MS = 90_000;

export async function memory(ingest: Ingest): Promise<Outcome[]> {
  await importAll(ingest, 1_000);
  const afterImport = stateOf(ingest.pid).rssMib;
  const fromMs = systemClock.monotonicMs();
  for (let part = 0; part < PARTS; part++) await grpcRate(ingest, LIVE_RECORDS / PARTS, 100);
  const { recordsAccepted = 0 } = await ingest.stats();
  await settled(ingest);
  const seconds = (systemClock.monotonicMs() - fromMs) / 1000;
  const busy = stateOf(ingest.pid).rssMib;
  await new Promise((wake) => setTimeout(wake, REST_MS));
  const { rssMib, peakMib } = stateOf(ingest.pid);
  return [
    {
      figure: "ingest's RSS after 3,000,000 imported and 1,200,000 live records",
      target: `<= ${RSS_MIB_MAX} MiB`,
      measured: `${rssMib.toFixed(0)} MiB`,
      met: rssMib <= RSS_MIB_MAX,
      rounds: {
        'after the import': [afterImport],
        'when all is read': [busy],
        'at rest': [rssMib],
        peak: [peakMib],
        'live seconds': [seconds],
        'read when all was sent': [recordsAccepted],
      },
    },
  ];
}
