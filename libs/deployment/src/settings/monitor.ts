// The monitor's settings.

import { LOOPBACK } from '../place.js';
import { commonSettings, HOST_PATTERN, otherPortSetting, portSetting } from './common-settings.js';
import { defineSettings } from './setting.js';

export const monitorSettings = defineSettings({
  ...commonSettings,
  httpPort: portSetting('monitorHttp', 'dashboard and its API'),
  grpcPort: portSetting('monitorGrpc', 'MonitorService'),
  routerMetricsPort: otherPortSetting('routerMetrics', 'where requests and failures are read'),
  routerHost: {
    env: 'MILLRACE_MONITOR_ROUTER_HOST',
    type: 'text',
    default: LOOPBACK,
    defaultAt: ({ hosts }) => hosts.router,
    pattern: HOST_PATTERN,
    why: 'the router runs beside the monitor, where its own settings say that it listens',
  },
  trainerHttpPort: otherPortSetting('trainerHttp', 'where the closed loop says what it does'),
  trainerHost: {
    env: 'MILLRACE_MONITOR_TRAINER_HOST',
    type: 'text',
    default: LOOPBACK,
    pattern: HOST_PATTERN,
    why: 'the trainer runs beside the monitor and listens on loopback',
  },
  scrapeEveryMs: {
    env: 'MILLRACE_MONITOR_SCRAPE_EVERY',
    type: 'duration',
    default: 2_000,
    min: 100,
    max: 60_000,
    why: 'a dashboard that is 2 s old is live to a person; 4 ms of work a scrape',
  },
  predictionIdleMs: {
    env: 'MILLRACE_MONITOR_PREDICTION_IDLE',
    type: 'duration',
    default: 5_000,
    min: 100,
    max: 3_600_000,
    why: 'architecture: a partition idle for more than 5 s does not hold the watermark',
  },
  labelIdleMs: {
    env: 'MILLRACE_MONITOR_LABEL_IDLE',
    type: 'duration',
    default: 60_000,
    min: 100,
    max: 3_600_000,
    why: 'while label delivery is down (ingest restarting, broker down 10 s) windows wait instead of closing without labels',
  },
  checkpointEveryMs: {
    env: 'MILLRACE_MONITOR_CHECKPOINT_EVERY',
    type: 'duration',
    default: 1_500,
    min: 50,
    max: 60_000,
    why: 'a restart repeats at most this much; stretched so that writing takes no more than a tenth of the time',
  },
  joinRowsMax: {
    env: 'MILLRACE_MONITOR_JOIN_ROWS_MAX',
    type: 'int',
    default: 1_000_000,
    min: 1_000,
    max: 50_000_000,
    unit: 'rows',
    why: 'about 120 bytes a row: 120 MB at most; a project whose labels take longer than that many rows counts what it cannot join',
  },
  retainedWindows: {
    env: 'MILLRACE_MONITOR_RETAINED_WINDOWS',
    type: 'int',
    default: 4,
    min: 0,
    max: 1_000,
    unit: 'windows',
    why: 'labels up to this many windows late still count for quality',
  },
  windowsKept: {
    env: 'MILLRACE_MONITOR_WINDOWS_KEPT',
    type: 'int',
    default: 1_000,
    min: 10,
    max: 100_000,
    unit: 'windows',
    why: 'the most that the API lists',
  },
});
