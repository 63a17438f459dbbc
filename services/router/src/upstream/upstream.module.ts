// Wiring of the way to servers that are not ours: which versions are there, the connections, the log of their answers.

import { openArtifactStore } from '@millrace/artifacts';
import type { ModelVersion } from '@millrace/contracts';
import type { RequestIds } from '@millrace/domain';
import { KafkaConnection, MessageProducer } from '@millrace/kafka';
import { openPredictionLog } from '@millrace/prediction-log';
import { type ServiceContext, type Tick, within } from '@millrace/service';
import { counter, gauge } from '@millrace/telemetry';
import type { EvidenceBook } from '../analysis/evidence-book.js';
import type { Tracing } from '../calls/infer-call.js';
import type { RouterConfig } from '../config.js';
import type { Outcomes } from '../outcomes/outcomes.js';
import type { RouteTable } from '../routing/route-table.js';
import { rowsOfPackage } from './bound-packages.fs.js';
import { CallLog, type LoggedCall } from './call-log.js';
import { messagesOf } from './calls.kafka.js';
import { RestingWork } from './resting-work.js';
import { UpstreamCalls } from './upstream-calls.js';
import { UpstreamChooser } from './upstream-choice.js';
import { UpstreamClients } from './upstream-clients.grpc.js';
import { UpstreamDoor } from './upstream-door.js';
import { UpstreamReadiness } from './upstream-readiness.js';
import { UpstreamRest } from './upstream-rest.http.js';
import { type UpstreamEntry, UpstreamTable } from './upstream-table.js';

/** Largest answer that is passed on: what the relay takes of serving. */
const ANSWER_BYTES_MAX = 268_435_456;
const READY_EVERY_MS = 1_000;
/** How often packages are looked for again that could not be read: the artifact store may be away. */
const UNREAD_EVERY_MS = 2_000;
/** What is heard of other versions does not wait longer for one package. */
const READ_MS_MAX = 5_000;
/** Why rows are not logged is said so often at most. */
const SAID_EVERY_MS = 60_000;
const FLUSH_MS = 3_000;
const CLOSE_MS = 1_000;

const allocate = (size: number): Buffer => Buffer.allocUnsafe(size);
const later = (callback: () => void): void => {
  setImmediate(callback);
};

export interface UpstreamParts {
  routes: RouteTable;
  outcomes: Outcomes;
  ids: RequestIds;
  tracing: Tracing;
  evidence: EvidenceBook;
}

export function upstreams(
  context: ServiceContext<RouterConfig>,
  { routes, outcomes, ids, tracing, evidence }: UpstreamParts,
) {
  const { config, clock, log, shutdown } = context;
  const table = new UpstreamTable();
  const clients = new UpstreamClients(clock, ANSWER_BYTES_MAX);
  shutdown.onClose('upstreams', async () => clients.close());
  const calls = new UpstreamCalls({
    clock,
    client: (address) => clients.at(address),
    deadlineMaxMs: config.deadlineMaxMs,
  });
  const callLog = openCallLog(context, ids);
  const chooser = new UpstreamChooser(table, routes, ids, config.upstream);
  const door = new UpstreamDoor(chooser, calls, callLog, outcomes, { clock, tracing, evidence, allocate, later });
  const rest = new UpstreamRest(chooser, callLog, outcomes, {
    clock,
    evidence,
    at: addressOf(config.upstreamHttp),
    requestBytesMax: config.requestBytesMax,
  });
  const store = openArtifactStore(config);
  const unread = new Map<string, UpstreamEntry>();
  const read = async (entry: UpstreamEntry): Promise<void> => {
    const { project, version } = entry;
    const key = `${project}/${version}`;
    const isCurrent = () => table.get(project, version)?.modelSha256 === entry.modelSha256;
    try {
      const rows = await rowsOfPackage(store, entry.packagePath);
      if (isCurrent()) table.set({ ...entry, rows });
      if (unread.delete(key)) log.info('the package of an upstream version is read', { project, version });
    } catch (error) {
      if (!isCurrent()) unread.delete(key);
      else if (unread.get(key) !== entry) {
        unread.set(key, entry);
        log.warn(
          'the package of an upstream version cannot be read: its answers are passed on, not logged, until it can',
          { project, version },
          error,
        );
      }
    }
  };
  const know = async (entry: UpstreamEntry): Promise<void> => {
    const known = table.get(entry.project, entry.version);
    if (known?.rows !== undefined && known.modelSha256 === entry.modelSha256) return;
    table.set({ ...entry, rows: undefined });
    await within(READ_MS_MAX, read(entry));
  };
  const readAgain: Tick = {
    name: 'packages that could not be read',
    everyMs: UNREAD_EVERY_MS,
    work: async () => {
      for (const entry of [...unread.values()]) await read(entry);
    },
  };
  const announced = async (model: ModelVersion): Promise<void> => {
    const { project, version, modelSha256, packagePath, upstream } = model;
    if (upstream === undefined) table.setOwn(project, version);
    else await know({ project, version, modelSha256, packagePath, upstream });
  };
  const readiness = new UpstreamReadiness(door, clock);
  gauge('millrace.router.upstream_up').observe(() => (readiness.ready ? 1 : 0));
  const ticks: Tick[] = [readAgain];
  if (door.isBehind)
    ticks.push({
      name: 'is the upstream ready',
      everyMs: READY_EVERY_MS,
      work: () => readiness.look(config.upstream),
    });
  return { table, door, rest, calls, know, announced, readiness, ticks };
}

function openCallLog(
  { config, clock, log, shutdown, readiness }: ServiceContext<RouterConfig>,
  ids: RequestIds,
): CallLog {
  const connection = new KafkaConnection({
    brokers: config.kafkaBrokers,
    clientId: `router-${config.replica}-predictions`,
    topicPrefix: config.topicPrefix,
  });
  const producer = new MessageProducer(connection, { name: 'predictions' });
  const { predictions, offer } = openPredictionLog<LoggedCall>(config, {
    producer,
    messagesOf,
    log,
    counted: {
      written: counter('millrace.router.predictions_logged').bind(),
      dropped: counter('millrace.router.predictions_dropped').bind(),
      sampledOut: counter('millrace.router.predictions_sampled_out').bind(),
    },
  });
  gauge('millrace.router.log_queued').observe(() => predictions.queued);
  readiness.tell(() => predictions.trouble);
  const resting = new RestingWork({
    later,
    after: (delayMs, work) => {
      const timer = setTimeout(work, delayMs);
      return () => clearTimeout(timer);
    },
  });
  // Clients first: hooks of the close run from the last to the first, after all endpoints have drained.
  shutdown.onClose('prediction log', async () => {
    resting.run();
    await predictions.close(FLUSH_MS);
    await within(
      CLOSE_MS,
      producer.close(CLOSE_MS).then(() => connection.close()),
    );
  });
  const unread = counter('millrace.router.predictions_unread');
  let saidAtMs = Number.NEGATIVE_INFINITY;
  return new CallLog({
    ids,
    offer,
    resting: (work, bytes) => resting.add(work, bytes),
    skipped: (project, rows, reason) => {
      unread.add(rows, { project });
      if (clock.monotonicMs() - saidAtMs < SAID_EVERY_MS) return;
      saidAtMs = clock.monotonicMs();
      log.warn('answers of an upstream are passed on, not logged', { project, rows, reason });
    },
  });
}

/** Of a setting that was read: nothing, or host:port. */
function addressOf(text: string): { host: string; port: number } | undefined {
  if (text === '') return undefined;
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}
