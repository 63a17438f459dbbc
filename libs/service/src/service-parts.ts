// What a service is to the frame: a name, its settings, and a function that makes its parts. The order in which the
// parts start and stop is the frame's (define-service.ts); no service has another.

import type { DescService } from '@bufbuild/protobuf';
import type { Api } from '@millrace/api';
import type { Config, Settings } from '@millrace/deployment';
import type { Clock } from '@millrace/domain';
import type { Logger } from '@millrace/telemetry';
import type { InjectionToken, Type } from '@nestjs/common';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Readiness } from './readiness.js';
import type { Shutdown } from './shutdown.js';

/** What `build` and the wiring functions that it calls are given. */
export interface ServiceContext<C> {
  readonly config: C;
  readonly clock: Clock;
  /** Named after the service. */
  readonly log: Logger;
  /** Checks by name; ready means that all pass. */
  readonly readiness: Readiness;
  /** Hooks for the end; whoever opens something registers here how it ends. */
  readonly shutdown: Shutdown;
}

/** Work that is done again and again until the service ends; never twice at the same time. A failure is logged. */
export interface Tick {
  readonly name: string;
  readonly everyMs: number;
  readonly work: () => Promise<void> | void;
}

export interface HttpParts {
  /** 0 = any free port. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly bodyBytesMax?: number;
  /** Bodies of application/octet-stream come as streams of any length, for the handler to bound. */
  readonly streams?: boolean;
  /** What is answered under /v1; its document is served at /openapi.json. */
  readonly api?: Api;
  /** Parsers and routes on the bare server, before those of the controllers. */
  readonly prepare?: (app: NestFastifyApplication) => Promise<void> | void;
}

/** Control-plane gRPC: handlers are the controllers' `@GrpcMethod` and `@GrpcStreamCall`. */
export interface GrpcParts {
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly services: readonly DescService[];
}

/** Partition numbers by topic. */
export type Holdings = Readonly<Record<string, readonly number[]>>;

/** The one shape that each `build` returns. */
export interface ServiceParts {
  readonly http: HttpParts;
  readonly grpc?: GrpcParts;
  /** HTTP, gRPC and Kafka handlers. */
  readonly controllers?: readonly Type[];
  /** What they are given, by token. */
  readonly provide?: readonly (readonly [InjectionToken, unknown])[];
  /** Kafka consumers; when one joins is its own setting (`startWhen`). */
  readonly consumers?: readonly CustomTransportStrategy[];
  /** Before anything listens. What it throws ends the start. */
  readonly start?: () => Promise<void> | void;
  readonly ticks?: readonly Tick[];
  /** Of what is shared with other processes of the service, what this one has; told at /health/live. */
  readonly holds?: () => Holdings;
  /** When everything listens. */
  readonly opened?: () => Promise<void> | void;
}

export interface ServiceDefinition<D extends Settings> {
  readonly name: string;
  readonly settings: D;
  /** Makes the parts and opens nothing. */
  readonly build: (context: ServiceContext<Config<D>>) => ServiceParts | Promise<ServiceParts>;
}
