// Boot of serving: settings → frame (telemetry, HTTP, signals) → module.

import { loadConfig } from '@millrace/config';
import { runService } from '@millrace/service';
import { ServingModule } from './app.module.js';
import { servingConfig } from './config.js';

await runService({
  name: 'serving',
  configure: () => {
    const config = loadConfig(servingConfig);
    return { module: ServingModule.with(config), httpPort: config.httpPort, host: config.host };
  },
});
