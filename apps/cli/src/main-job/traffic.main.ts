// The process that sends a replay's traffic: nothing else runs in it, so that its latencies are the platform's and not
// those of progress bars and polling. Speaks with its parent over Node's IPC; ends with it.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { PlatformError, systemClock } from '@millrace/domain';
import { projectFromDocument, signatureOf } from '@millrace/project';
import { openEndpoints, type ReplayEndpoints } from './endpoints.grpc.js';
import { readReplayRows } from './replay-rows.duckdb.js';
import { Traffic } from './traffic.js';
import type { FromTraffic, ToTraffic, TrafficSettings } from './traffic-messages.js';

const STATUS_EVERY_MS = 200;
/** ingest acknowledges nothing for this long: it will not. */
const DRAIN_SILENT_MS_MAX = 60_000;
const DRAIN_CHECK_MS = 500;

/** Resolves once the message has left: a process that ends earlier takes it along. */
function tell(message: FromTraffic): Promise<void> {
  return new Promise((left) => {
    if (process.send === undefined) left();
    else process.send(message, () => left());
  });
}

async function run(settings: TrafficSettings): Promise<void> {
  const project = projectFromDocument(settings.document);
  const rows = await readReplayRows(project, settings.seed, settings.sourceFile, settings.ranges);
  const endpoints = openEndpoints(settings.addresses, project, signatureOf(project));
  const startedAtMs = systemClock.nowMs();
  const traffic = new Traffic({
    project,
    rows,
    ratePerSecond: settings.ratePerSecond,
    shiftFrom: settings.shiftFrom,
    operations: settings.operations,
    endpoints,
    clock: systemClock,
    traceEvery: settings.traceEvery,
    reserve: settings.reserve,
  });
  process.on('message', (message: ToTraffic) => {
    if (message.kind === 'phase') Object.assign(traffic, { phase: message.phase, paced: message.paced });
    if (message.kind === 'stop') traffic.stop();
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const status = () =>
    void tell({
      kind: 'status',
      sent: traffic.sent,
      requests: traffic.requests,
      failures: traffic.failures,
      labelsSent: traffic.labelsSent,
      newestVersion: traffic.newestVersion(),
    });
  const timer = setInterval(status, STATUS_EVERY_MS);
  await traffic.run();
  delay.disable();
  await drained(endpoints);
  clearInterval(timer);
  status();
  await tell({
    kind: 'result',
    result: {
      startedAtMs,
      sent: traffic.sent,
      requests: traffic.requests,
      failures: traffic.failures,
      labelsSent: traffic.labelsSent,
      recordsAccepted: endpoints.recordsAccepted(),
      errors: traffic.errors,
      failedAtSeconds: traffic.failedAtSeconds,
      versions: traffic.versions,
      probabilities: traffic.probabilities,
      latencies: traffic.latencySummaries(),
      clientStallP99Ms: delay.percentile(99) / 1e6,
    },
  });
  endpoints.close();
  process.disconnect();
}

/** Until everything sent is acknowledged; ends when acknowledgements stop coming, not after a time. */
async function drained(endpoints: ReplayEndpoints): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let accepted = -1;
  let grewMs = systemClock.monotonicMs();
  const silent = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      const nowMs = systemClock.monotonicMs();
      if (endpoints.recordsAccepted() !== accepted) grewMs = nowMs;
      accepted = endpoints.recordsAccepted();
      if (nowMs - grewMs < DRAIN_SILENT_MS_MAX) return;
      const text = `ingest has acknowledged nothing for ${DRAIN_SILENT_MS_MAX / 1_000} s`;
      reject(new PlatformError('deadline_exceeded', text));
    }, DRAIN_CHECK_MS);
  });
  try {
    await Promise.race([endpoints.drain(), silent]);
  } finally {
    clearInterval(timer);
  }
}

// The parent decides when this process ends.
process.once('disconnect', () => process.exit(0));
process.once('message', (message: ToTraffic) => {
  if (message.kind !== 'start') return;
  run(message.settings).catch(async (thrown) => {
    await tell({ kind: 'failed', message: PlatformError.from(thrown).reason });
    process.disconnect();
  });
});
