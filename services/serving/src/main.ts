// Boot of serving. With several processes this one only keeps the workers, which come here again.

import { environment, loadConfig } from '@millrace/config';
import { servingSettings } from '@millrace/deployment';
import { serving } from './app.module.js';
import { isPrimaryOf, runPrimary } from './workers/primary.process.js';

if (isPrimaryOf(environment()[servingSettings.processes.env])) runPrimary(() => loadConfig(servingSettings));
else await serving.run();
