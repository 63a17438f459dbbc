// Boot only.

import { RouteService } from '@millrace/contracts';
import { runService } from '@millrace/service';

await runService({
  name: 'router',
  configure: async () => {
    // The module reads the config when it is loaded; its faults then go to the started log.
    const { AppModule, commandsTransport, config } = await import('./app.module.js');
    return {
      module: AppModule,
      host: config.listenHost,
      httpPort: config.controlPort,
      bodyBytesMax: 65_536,
      grpc: { port: config.controlGrpcPort, services: [RouteService] },
      strategies: () => [commandsTransport],
    };
  },
});
