// Boot and end of every service, in one order: telemetry → config → Nest application → HTTP listens → transports (Kafka,
// gRPC) → ready. SIGTERM or SIGINT: not ready → drain hooks → application closes (commits, listeners) → close hooks →
// telemetry flushed → exit code 0. HTTP listens before Kafka is reached, so that health can be asked while the broker is away.

import 'reflect-metadata';
import type { DescService } from '@bufbuild/protobuf';
import { PlatformError } from '@millrace/domain';
import { packageDefinition, SERVER_OPTIONS } from '@millrace/grpc';
import { logger, startTelemetry, type Telemetry } from '@millrace/telemetry';
import { type DynamicModule, type INestApplicationContext, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomTransportStrategy, type GrpcOptions, Transport } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { PlatformErrorFilter } from './errors.filter.js';
import { BODY_BYTES_MAX, createHttpAdapter, prepareHttp } from './http.js';
import { NestLogger } from './nest-logger.js';
import { watchParent } from './parent-watch.js';
import { Readiness } from './readiness.js';
import { Shutdown } from './shutdown.js';

export interface ServiceParts {
  module: Type | DynamicModule;
  /** 0 = any free port. */
  httpPort: number;
  /** Default 127.0.0.1. */
  host?: string;
  bodyBytesMax?: number;
  /** Control-plane gRPC through Nest: `@GrpcMethod('RouteService', 'GetRoute')` handlers. */
  grpc?: { port: number; services: readonly DescService[] };
  /** Kafka consumers, made once the application's providers exist. */
  strategies?: (app: INestApplicationContext) => readonly CustomTransportStrategy[];
  /** More work between the application's initialisation and "listening" (routes on the bare Fastify instance …). */
  prepare?: (app: NestFastifyApplication) => Promise<void> | void;
  /** Called when everything listens. */
  onReady?: (app: INestApplicationContext) => Promise<void> | void;
}

export type ServiceSettings = { name: string } & (
  | ServiceParts
  | {
      /** Reads the config and returns the parts; runs after telemetry has started, so that its faults are logged. */
      configure: () => ServiceParts | Promise<ServiceParts>;
    }
);

export interface RunningService {
  readonly app: NestFastifyApplication;
  readonly httpPort: number;
  readonly readiness: Readiness;
  /** The SIGTERM path without the exit. */
  stop(): Promise<void>;
}

/** The whole end; then the process goes anyway, with exit code 1. */
const SHUTDOWN_MS_MAX = 20_000;

const log = logger('service');

function rootModule(parts: ServiceParts, readiness: Readiness, shutdown: Shutdown): DynamicModule {
  @Module({})
  class ServiceRoot {}
  return {
    module: ServiceRoot,
    global: true,
    imports: [parts.module],
    providers: [
      { provide: Readiness, useValue: readiness },
      { provide: Shutdown, useValue: shutdown },
    ],
    exports: [Readiness, Shutdown],
  };
}

function grpcOptions(
  { port, services }: { port: number; services: readonly DescService[] },
  host: string,
): GrpcOptions {
  return {
    transport: Transport.GRPC,
    options: {
      url: `${host}:${port}`,
      package: [...new Set(services.map((service) => service.file.proto.package))],
      packageDefinition: packageDefinition(...services),
      channelOptions: SERVER_OPTIONS,
    },
  };
}

/** Starts a service without touching signals or the process: for tests. */
export async function startService(settings: ServiceSettings): Promise<RunningService> {
  let telemetry: Telemetry | undefined;
  try {
    telemetry = startTelemetry({ service: settings.name });
    return await startParts('configure' in settings ? await settings.configure() : settings, telemetry);
  } catch (error) {
    log.error('start failed', {}, error);
    await telemetry?.stop();
    throw error;
  }
}

async function startParts(parts: ServiceParts, telemetry: Telemetry): Promise<RunningService> {
  const readiness = new Readiness();
  const shutdown = new Shutdown();
  const host = parts.host ?? '127.0.0.1';
  let transportsUp = false;
  readiness.register('transports', () => transportsUp);

  const app = await NestFactory.create<NestFastifyApplication>(
    rootModule(parts, readiness, shutdown),
    createHttpAdapter(parts.bodyBytesMax ?? BODY_BYTES_MAX),
    { logger: new NestLogger(), abortOnError: false },
  );
  const filter = new PlatformErrorFilter();
  app.useGlobalFilters(filter);
  prepareHttp(app.getHttpAdapter().getInstance() as unknown as FastifyInstance, readiness);
  await parts.prepare?.(app);
  if (parts.grpc !== undefined)
    app.connectMicroservice<GrpcOptions>(grpcOptions(parts.grpc, host), { inheritAppConfig: true });
  for (const strategy of parts.strategies?.(app) ?? [])
    app.connectMicroservice({ strategy }, { inheritAppConfig: true });

  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      readiness.stop();
      await shutdown.drain();
      await app.close();
      await shutdown.close();
      await telemetry.stop();
    })();
    return stopping;
  };

  try {
    await app.listen(parts.httpPort, host);
    const address = app.getHttpServer().address();
    const httpPort = typeof address === 'object' && address !== null ? address.port : parts.httpPort;
    await app.startAllMicroservices();
    transportsUp = true;
    await parts.onReady?.(app);
    log.info('listening', { httpPort, ...(parts.grpc === undefined ? {} : { grpcPort: parts.grpc.port }) });
    return { app, httpPort, readiness, stop };
  } catch (error) {
    await stop();
    const taken = (error as { code?: string }).code === 'EADDRINUSE';
    throw taken
      ? new PlatformError('unavailable', `port ${parts.httpPort} is taken`, {
          facts: { port: parts.httpPort },
          cause: error,
        })
      : error;
  }
}

/** Runs a service until it is told to stop; the last line of every main.ts. */
export async function runService(settings: ServiceSettings): Promise<void> {
  let running: RunningService | undefined;
  let ending = false;
  const end = (reason: string) => {
    if (ending) return;
    ending = true;
    log.info('stopping', { reason });
    setTimeout(() => {
      log.error('shutdown took too long', { limitMs: SHUTDOWN_MS_MAX });
      process.exit(1);
    }, SHUTDOWN_MS_MAX).unref();
    (running?.stop() ?? Promise.resolve()).then(
      () => process.exit(0),
      (error) => {
        log.error('shutdown failed', {}, error);
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal));
  process.on('uncaughtException', (error) => {
    log.error('uncaught exception', {}, error);
    process.exit(1);
  });
  process.on('unhandledRejection', (reason) => {
    log.error('unhandled rejection', {}, reason);
    process.exit(1);
  });
  try {
    watchParent(end);
    running = await startService(settings);
  } catch {
    process.exit(1); // startService has told why
  }
}
