// Boot of serving: settings → frame (telemetry, HTTP, signals) → module. With several processes this one only keeps the workers.

import { environment, loadConfig } from '@millrace/config';
import { runService } from '@millrace/service';
import { ServingModule } from './app.module.js';
import { servingConfig } from './config.js';
import { isPrimaryOf, runPrimary } from './workers/primary.process.js';

if (isPrimaryOf(environment()[servingConfig.processes.env])) runPrimary(() => loadConfig(servingConfig));
else
  await runService({
    name: 'serving',
    configure: () => {
      const config = loadConfig(servingConfig);
      return { module: ServingModule.with(config), httpPort: config.httpPort, host: config.host };
    },
  });
