// Boot of ingest: telemetry → config → application → HTTP → Kafka and gRPC → ready → shutdown.

import { loadConfig } from '@millrace/config';
import { ingestSettings } from '@millrace/deployment';
import { runService } from '@millrace/service';
import { AppModule, RESUME, STRATEGIES } from './app.module.js';

await runService({
  name: 'ingest',
  configure: () => {
    const config = loadConfig(ingestSettings);
    return {
      module: AppModule.with(config),
      httpPort: config.httpPort,
      bodyBytesMax: config.requestBytesMax,
      // Bodies are read as texts: what is no JSON must reach the dead letters as it came.
      prepare: (app) => {
        app.useBodyParser('application/json', { bodyLimit: config.requestBytesMax }, (_request, body, done) =>
          done(null, body.toString()),
        );
      },
      strategies: (app) => app.get(STRATEGIES),
      onReady: (app) => app.get<() => Promise<void>>(RESUME)(),
    };
  },
});
