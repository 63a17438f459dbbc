// Boot of serving: settings → frame (telemetry, HTTP, signals) → module. With several processes this one only keeps the workers.

import { environment, loadConfig } from '@millrace/config';
import { servingSettings } from '@millrace/deployment';
import { runService } from '@millrace/service';
import { ServingModule } from './app.module.js';
import { isPrimaryOf, runPrimary } from './workers/primary.process.js';

if (isPrimaryOf(environment()[servingSettings.processes.env])) runPrimary(() => loadConfig(servingSettings));
else
  await runService({
    name: 'serving',
    configure: () => {
      const config = loadConfig(servingSettings);
      return { module: ServingModule.with(config), httpPort: config.httpPort, host: config.host };
    },
  });
