// What one ingest process keeps for itself in the home that it shares with its replicas: uploads, unfinished imports,
// files on their way to the artifact store.

import { join } from 'node:path';
import type { IngestConfig } from './config.js';

export const processFolder = ({ home, replica }: IngestConfig): string => join(home, 'ingest', replica);
