// Serving's settings as its modules see them. The settings themselves (defaults, ranges, reasons) are
// libs/deployment/src/settings/serving.ts: launcher, documents and deploy/ have them from there.

import type { Config, servingSettings } from '@millrace/deployment';

export type ServingConfig = Config<typeof servingSettings>;
