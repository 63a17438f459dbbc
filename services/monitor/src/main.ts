// Boot only.

import { MonitorService } from '@millrace/contracts';
import { runService } from '@millrace/service';
import { monitorModule } from './app.module.js';
import { loadMonitorConfig } from './config.js';

await runService({
  name: 'monitor',
  configure: () => {
    const config = loadMonitorConfig();
    const wired = monitorModule(config);
    return {
      module: wired.module,
      httpPort: config.httpPort,
      bodyBytesMax: 65_536,
      grpc: { port: config.grpcPort, services: [MonitorService] },
      strategies: () => [wired.strategy],
      prepare: wired.prepare,
    };
  },
});
