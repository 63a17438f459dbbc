// Ingest's settings as its modules see them. The settings themselves (defaults, ranges, reasons) are
// libs/deployment/src/settings/ingest.ts: launcher, documents and deploy/ have them from there.

import type { Config, ingestSettings } from '@millrace/deployment';

export type IngestConfig = Config<typeof ingestSettings>;

/** Injection token. */
export const INGEST_CONFIG = Symbol('ingest config');
