// Boot of ingest.

import { ingest } from './app.module.js';

await ingest.run();
