// The monitor's settings as its modules see them. The settings themselves (defaults, ranges, reasons) are
// libs/deployment/src/settings/monitor.ts: launcher, documents and deploy/ have them from there.

import type { Config, monitorSettings } from '@millrace/deployment';

export type MonitorConfig = Config<typeof monitorSettings>;
