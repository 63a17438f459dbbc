// A training worker's settings as its modules see them. The settings themselves (defaults, ranges, reasons) are
// libs/deployment/src/settings/worker.ts: launcher, documents and deploy/ have them from there.

import type { Config, workerSettings } from '@millrace/deployment';

export type WorkerConfig = Config<typeof workerSettings>;
