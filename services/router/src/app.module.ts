// Wiring of the router. Endpoints open before the broker is there: predictions need only routes, and those come from
// the snapshot until Kafka is read. At the end the clients come first.

import { routerApi } from '@millrace/api';
import { RouteService } from '@millrace/contracts';
import { routerSettings } from '@millrace/deployment';
import { defineService, type ServiceContext, type ServiceParts } from '@millrace/service';
import type { FastifyInstance } from 'fastify';
import { Analyst } from './analysis/analyst.js';
import { ExperimentAnalyst } from './analysis/experiment-analyst.js';
import type { RouterConfig } from './config.js';
import { CommandAudit } from './control/command-audit.js';
import { CommandsConsumer } from './control/commands.kafka.js';
import { ControlHttp } from './control/control.http.js';
import { routeControl } from './control/control.module.js';
import { RouteControl } from './control/route-control.js';
import { RouteOwner } from './control/route-owner.js';
import { RouteServiceGrpc } from './control/route-service.grpc.js';
import { KafkaRouteLog } from './control/routes.kafka.js';
import { endpoints, requestPath } from './endpoints/endpoints.module.js';
import { Flags } from './flags/flags.js';
import { registerOfrep } from './flags/ofrep.http.js';
import { Outcomes } from './outcomes/outcomes.js';
import { SwitchLog } from './outcomes/switch-log.js';
import { Relay } from './relay/relay.js';
import { RouteTable } from './routing/route-table.js';
import { ShadowTraffic } from './shadows/shadow-traffic.js';

/** Of the control API; bodies are small. */
const BODY_BYTES_MAX = 65_536;

export const router = defineService({
  name: 'router',
  settings: routerSettings,
  build: (context) => {
    const { config, log } = context;
    if (config.standalone) return standaloneParts(context);
    const path = requestPath(context);
    const listeners = endpoints(context, path);
    const controlled = routeControl(context, path);
    const { control, owner, routeLog, consumer, audit, analysing, unloading, knownProject, follow } = controlled;
    const flags = new Flags(path.table, knownProject);
    return {
      http: {
        port: config.controlPort,
        host: config.listenHost,
        bodyBytesMax: BODY_BYTES_MAX,
        api: routerApi,
        prepare: (app) => registerOfrep(app.getHttpAdapter().getInstance() as unknown as FastifyInstance, flags),
      },
      grpc: { port: config.controlGrpcPort, host: config.listenHost, services: [RouteService] },
      controllers: [ControlHttp, RouteServiceGrpc, CommandsConsumer],
      provide: [
        [RouteTable, path.table],
        [Outcomes, path.outcomes],
        [SwitchLog, path.switches],
        [Relay, path.relay],
        [ShadowTraffic, path.shadows],
        [RouteControl, control],
        [RouteOwner, owner],
        [Analyst, analysing.analyst],
        [ExperimentAnalyst, analysing.experiments],
        [KafkaRouteLog, routeLog],
        [CommandAudit, audit],
      ],
      consumers: [consumer],
      holds: () => consumer.partitions(),
      start: async () => {
        await follow();
        if (!path.upstream.door.isBehind) path.links.open();
        log.info('endpoints are open', await listeners.open());
      },
      ticks: [listeners.tick, analysing.tick, unloading, ...path.upstream.ticks],
    };
  },
});

/** Before a folder of models: without Kafka there are no routes, and nothing to control. */
function standaloneParts(context: ServiceContext<RouterConfig>): ServiceParts {
  const { config, log } = context;
  const path = requestPath(context);
  const listeners = endpoints(context, path);
  return {
    http: { port: config.controlPort, host: config.listenHost, bodyBytesMax: BODY_BYTES_MAX },
    start: async () => {
      path.links.open();
      log.info('endpoints are open, before a folder of models', await listeners.open());
    },
    ticks: [listeners.tick],
  };
}
