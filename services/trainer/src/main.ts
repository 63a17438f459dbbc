// Boot of the trainer: settings -> frame (telemetry, HTTP, signals) -> module.

import { loadConfig } from '@millrace/config';
import { trainerSettings } from '@millrace/deployment';
import { runService } from '@millrace/service';
import { TrainerModule, trainerStrategies } from './app.module.js';

await runService({
  name: 'trainer',
  configure: () => {
    const config = loadConfig(trainerSettings);
    return { module: TrainerModule.with(config), httpPort: config.httpPort, strategies: trainerStrategies };
  },
});
