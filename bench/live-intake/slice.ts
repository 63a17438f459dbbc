// A slice of the intake's figures that every run of the tests affords: records over gRPC and HTTP in each way that is
// measured, and a bulk load. Times say nothing beside other tests; what was acknowledged is looked for in dataset
// versions, each row once, and memory is bounded.

import { decodeRecordBatch } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { CompactedReader, KafkaConnection } from '@millrace/kafka';
import { type DedicatedKafka, eventually } from '@millrace/testing';
import { rowsOfFiles } from '../live/found.js';
import type { LiveBench } from '../live/row.js';
import type { Outcome } from '../serving/row.js';
import { importOf } from './bulk.js';
import { flights, PROJECT } from './flights.js';
import { grpcRate } from './grpc.js';
import { CONNECTIONS, httpLoad } from './http.js';
import { type Ingest, startIngest, stateOf, TOPIC_PREFIX } from './ingest.process.js';

const ONE_A_MESSAGE = 10_000;
const HUNDRED_A_MESSAGE = 100_000;
/** Of each number of connections. */
const HTTP_SECONDS = 1;
/** More than one machine answers in that time. */
const HTTP_RECORDS_MAX = 40_000;
/** Of the file's half year: 950,000 flights. */
const BULK = { fromMs: Date.UTC(2001, 1, 1), toMs: Date.UTC(2001, 3, 1) };
const CLOSED_WITHIN_MS = 60_000;
/** Of a bulk load of everything, too (bulk.ts); whoever made values of these rows, and held them, needs more. */
const PEAK_MIB_MAX = 600;

/** Records that were sent over HTTP and answered 200, each with an id of its own. */
async function overHttp(ingest: Ingest): Promise<number> {
  const bodies = flights('h', HTTP_RECORDS_MAX, systemClock.nowMs() - 86_400_000);
  let sent = 0;
  const next = () => {
    const flight = bodies[sent++];
    if (flight === undefined) throw new Error(`more than ${HTTP_RECORDS_MAX} records were answered`);
    return Buffer.from(JSON.stringify(flight));
  };
  for (const connections of [1, CONNECTIONS])
    await httpLoad(ingest, next, connections, { seconds: HTTP_SECONDS, warmUpSeconds: 0 });
  return sent;
}

/** Rows of bulk loads on Kafka: all, and those that were checked and sent as columns. */
async function bulkRows({ broker }: Ingest): Promise<{ all: number; asColumns: number }> {
  const connection = new KafkaConnection({ brokers: broker.brokers, clientId: 'bench', topicPrefix: TOPIC_PREFIX });
  const rows = { all: 0, asColumns: 0 };
  const entry = (_key: string, value: Buffer | null) => {
    if (value === null) return;
    const { recordIds, parquet } = decodeRecordBatch(value);
    rows.all += recordIds.length + (parquet?.rows ?? 0);
    rows.asColumns += parquet?.rows ?? 0;
  };
  const reader = new CompactedReader(connection, { name: 'slice', topics: { 'batches.v1': entry } });
  await reader.caughtUp();
  await reader.close();
  await connection.close();
  return rows;
}

async function bulkLoaded(ingest: Ingest): Promise<Outcome> {
  const first = await importOf(ingest, { ...BULK, seed: 1 });
  const second = await importOf(ingest, { ...BULK, seed: 2 });
  const { all, asColumns } = await bulkRows(ingest);
  const isSame = first.datasetVersion !== null && first.datasetVersion === second.datasetVersion;
  const isAll = first.accepted > 0 && first.rejected === 0 && all === 2 * first.accepted && asColumns === all;
  return {
    figure: 'a bulk load is checked as columns, and is the same version when it is loaded again',
    target: 'all, same',
    measured: `${asColumns} of ${all} rows of two loads, ${first.datasetVersion} and ${second.datasetVersion}`,
    met: isSame && isAll,
    rounds: {},
  };
}

interface Version {
  kind: string;
  lateRows: number;
  repeatedRows: number;
  parquetPath: string;
}

/** Closes what is open until so many live rows are in versions. */
async function liveVersions(ingest: Ingest, rows: number): Promise<Version[]> {
  const isClosed = async () => {
    await ingest.ask(`/v1/projects/${PROJECT}/datasets/close`, '');
    const { openRows = 0, liveRowsClosed = 0 } = await ingest.stats();
    return openRows === 0 && liveRowsClosed >= rows;
  };
  // What is missing is told by the count of rows.
  await eventually('every row is in a version', isClosed, CLOSED_WITHIN_MS).catch(() => undefined);
  const { datasets } = (await ingest.ask(`/v1/projects/${PROJECT}/datasets?limit=100`)) as { datasets: Version[] };
  return datasets.filter(({ kind }) => kind === 'live');
}

export async function intakeSlice(bench: LiveBench, broker: DedicatedKafka): Promise<Outcome[]> {
  const ingest = await startIngest(bench.root, bench.work, bench.nodeArguments, broker);
  try {
    const bulk = await bulkLoaded(ingest);
    await grpcRate(ingest, ONE_A_MESSAGE, 1);
    await grpcRate(ingest, HUNDRED_A_MESSAGE, 100);
    const http = await overHttp(ingest);
    const acknowledged = ONE_A_MESSAGE + HUNDRED_A_MESSAGE + http;
    const versions = await liveVersions(ingest, acknowledged);
    const stored = await rowsOfFiles(
      ingest.home,
      versions.map(({ parquetPath }) => parquetPath),
    );
    const sum = (of: 'lateRows' | 'repeatedRows') => versions.reduce((total, version) => total + version[of], 0);
    const { peakMib } = stateOf(ingest.pid);
    return [
      bulk,
      {
        figure: 'records over gRPC and HTTP that were acknowledged are in one version each',
        target: `${acknowledged}, 0 late`,
        measured:
          `${stored.rows} rows (${stored.distinct} ids, ${sum('lateRows')} late, ${sum('repeatedRows')} repeated), ` +
          `${http} of them by HTTP`,
        met:
          stored.rows === acknowledged &&
          stored.distinct === acknowledged &&
          http > 0 &&
          sum('lateRows') + sum('repeatedRows') === 0,
        rounds: {},
      },
      {
        figure: "ingest's highest RSS meanwhile",
        target: `<= ${PEAK_MIB_MAX} MiB`,
        measured: `${peakMib.toFixed(0)} MiB`,
        met: peakMib <= PEAK_MIB_MAX,
        rounds: {},
      },
    ];
  } finally {
    await ingest.stop();
  }
}
