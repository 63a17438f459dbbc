// The router's settings as its modules see them. The settings themselves (defaults, ranges, reasons) are
// libs/deployment/src/settings/router.ts: launcher, documents and deploy/ have them from there.

import type { Config, routerSettings } from '@millrace/deployment';

export type RouterConfig = Config<typeof routerSettings>;
