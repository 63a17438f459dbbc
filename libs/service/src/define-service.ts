// The one way a service boots and ends.
//
// Start: telemetry → settings (every fault at once) → build (parts are made, nothing is opened) → Nest application:
// routes, controllers → `start` → ticks → HTTP listens → control gRPC listens → consumers join, each when its
// `startWhen` says so → `opened` → ready, once every check passes. HTTP listens before Kafka is reached, so that health
// can be asked while the broker is away.
//
// End (SIGTERM, SIGINT, the parent is gone): not ready, gRPC health NOT_SERVING → drain hooks, in their order → ticks
// stop → gRPC: running calls end → Nest application closes: HTTP, consumers finish their batches and commit → close
// hooks, the last registered first → telemetry flushed → exit code 0. A start that fails, an error that nobody caught
// and an end that takes too long are exit code 1; a start that fails by what it was given (its settings) is 78, which
// no supervisor tries again.

import 'reflect-metadata';
import { loadConfig } from '@millrace/config';
import { exitCodeOfStart, type Settings } from '@millrace/deployment';
import { PlatformError, systemClock } from '@millrace/domain';
import { logger, startTelemetry, type Telemetry } from '@millrace/telemetry';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { serveApi } from './api-document.js';
import { ControlGrpc } from './control-grpc.js';
import { PlatformErrorFilter } from './errors.filter.js';
import { BODY_BYTES_MAX, createHttpAdapter, prepareHttp } from './http.js';
import { NestLogger } from './nest-logger.js';
import { watchParent } from './parent-watch.js';
import { Readiness } from './readiness.js';
import { RpcObserver } from './rpc-observer.js';
import type { ServiceDefinition, ServiceParts } from './service-parts.js';
import { Shutdown } from './shutdown.js';
import { startTicks } from './ticks.js';

export interface RunningService {
  readonly app: NestFastifyApplication;
  readonly httpPort: number;
  readonly readiness: Readiness;
  /** The SIGTERM path without the exit. */
  stop(): Promise<void>;
}

export interface Service {
  readonly name: string;
  /** Runs until it is told to stop, and ends the process; the last line of every main.ts. */
  run(): Promise<void>;
  /** Starts without touching signals or the process: for tests. */
  start(): Promise<RunningService>;
}

/** The whole end; then the process goes anyway, with exit code 1. */
const SHUTDOWN_MS_MAX = 20_000;

const log = logger('service');

export function defineService<const D extends Settings>(definition: ServiceDefinition<D>): Service {
  return {
    name: definition.name,
    start: () => startService(definition),
    run: () => runService((events) => startService(definition, events)),
  };
}

/** What a start tells before it is over. */
interface StartEvents {
  /** From here on there is something to stop. */
  stoppable?(stop: () => Promise<void>): void;
  /** It will not come up, and ends what it had begun. */
  failing?(): void;
}

async function startService<D extends Settings>(
  definition: ServiceDefinition<D>,
  events: StartEvents = {},
): Promise<RunningService> {
  const startedAtMs = systemClock.nowMs();
  let telemetry: Telemetry | undefined;
  let told = false;
  const failed = (error: unknown) => {
    if (!told) log.error('start failed', {}, error);
    told = true;
    events.failing?.();
  };
  try {
    telemetry = startTelemetry({ service: definition.name });
    const config = loadConfig(definition.settings);
    const readiness = new Readiness();
    const shutdown = new Shutdown();
    const context = { config, clock: systemClock, log: logger(definition.name), readiness, shutdown };
    const parts = await definition.build(context);
    const { stoppable } = events;
    return await startParts(parts, { startedAtMs, readiness, shutdown, telemetry, failed, stoppable });
  } catch (error) {
    failed(error);
    await telemetry?.stop();
    throw error;
  }
}

function rootModule({ controllers = [], provide = [] }: ServiceParts): DynamicModule {
  @Module({})
  class ServiceRoot {}
  return {
    module: ServiceRoot,
    controllers: [...controllers],
    providers: provide.map(([token, value]) => ({ provide: token, useValue: value })),
  };
}

interface Start {
  startedAtMs: number;
  readiness: Readiness;
  shutdown: Shutdown;
  telemetry: Telemetry;
  failed(error: unknown): void;
  stoppable: StartEvents['stoppable'];
}

async function startParts(
  parts: ServiceParts,
  { startedAtMs, readiness, shutdown, telemetry, failed, stoppable }: Start,
): Promise<RunningService> {
  const { http, consumers = [], ticks = [] } = parts;
  const host = http.host ?? '127.0.0.1';
  let transportsUp = false;
  readiness.register('transports', () => transportsUp);

  const app = await NestFactory.create<NestFastifyApplication>(
    rootModule(parts),
    createHttpAdapter(http.bodyBytesMax ?? BODY_BYTES_MAX),
    { logger: new NestLogger(), abortOnError: false },
  );
  app.useGlobalFilters(new PlatformErrorFilter());
  const instance = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  prepareHttp(instance, readiness, http.streams ?? false, startedAtMs, parts.holds);
  const served = http.api === undefined ? undefined : serveApi(instance, http.api);
  await http.prepare?.(app);
  if (parts.grpc !== undefined) app.useGlobalInterceptors(new RpcObserver(parts.grpc.services));
  const grpc = parts.grpc === undefined ? undefined : new ControlGrpc(app, parts.grpc);
  const joining = consumers.map((strategy) => app.connectMicroservice({ strategy }, { inheritAppConfig: true }));

  let stopTicks = (): void => undefined;
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      readiness.stop();
      grpc?.setServing(false);
      await shutdown.drain();
      stopTicks();
      // A broker that is away fails the last commit; what else is open is closed all the same.
      const closed = await settled(
        () => grpc?.close(),
        () => app.close(),
      );
      await shutdown.close();
      await telemetry.stop();
      if (closed !== undefined) throw closed.error;
    })();
    return stopping;
  };
  stoppable?.(stop);

  try {
    await app.init();
    served?.check();
    await parts.start?.();
    stopTicks = startTicks(ticks);
    const httpPort = await listen(app, http.port, host);
    await grpc?.listen();
    await Promise.all(joining.map((consumer) => consumer.listen()));
    transportsUp = true;
    grpc?.setServing(true);
    await parts.opened?.();
    log.info('listening', { httpPort, ...(parts.grpc === undefined ? {} : { grpcPort: parts.grpc.port }) });
    return { app, httpPort, readiness, stop };
  } catch (error) {
    failed(error);
    await stop();
    throw error;
  }
}

/** Runs each after the other, whatever becomes of it; gives the first error. */
async function settled(...steps: (() => Promise<void> | undefined)[]): Promise<{ error: unknown } | undefined> {
  let first: { error: unknown } | undefined;
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      first ??= { error };
    }
  }
  return first;
}

async function listen(app: NestFastifyApplication, port: number, host: string): Promise<number> {
  try {
    await app.listen(port, host);
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'EADDRINUSE') throw cause;
    throw new PlatformError('unavailable', `port ${port} is taken`, { facts: { port }, cause });
  }
  const address = app.getHttpServer().address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

async function runService(start: (events: StartEvents) => Promise<RunningService>): Promise<void> {
  let stop: (() => Promise<void>) | undefined;
  let ending = false;
  let bounded = false;
  /** However it ends, it ends in bounded time. */
  const bound = () => {
    if (bounded) return;
    bounded = true;
    setTimeout(() => {
      log.error('shutdown took too long', { limitMs: SHUTDOWN_MS_MAX });
      process.exit(1);
    }, SHUTDOWN_MS_MAX).unref();
  };
  const end = (reason: string) => {
    if (ending) return;
    ending = true;
    log.info('stopping', { reason });
    bound();
    (stop?.() ?? Promise.resolve()).then(
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
    await start({
      stoppable: (given) => {
        stop = given;
      },
      failing: bound,
    });
  } catch (error) {
    // The start has told why; one that a signal broke off ends with that signal's code.
    if (!ending) process.exit(exitCodeOfStart(error));
  }
}
