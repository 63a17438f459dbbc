// The control plane's gRPC server: Nest's transport over the descriptors, with grpc.health.v1 and an end that lets
// running calls finish. The ports that carry predictions have libs/grpc's HTTP/2 server instead.

import { PlatformError } from '@millrace/domain';
import { addHealthService, HealthState, packageDefinition, SERVER_OPTIONS } from '@millrace/grpc';
import type { INestApplication, INestMicroservice } from '@nestjs/common';
import { type GrpcOptions, Transport } from '@nestjs/microservices';
import type { GrpcParts } from './service-parts.js';

type Server = Parameters<typeof addHealthService>[0];

/** Streams end when their senders end them; what is not answered then is sent again to the next process. */
const GRACE_MS = 1_000;

export class ControlGrpc {
  private readonly health: HealthState;
  private readonly microservice: INestMicroservice;
  private readonly address: string;
  private server: Server | undefined;

  constructor(app: INestApplication, { port, host = '127.0.0.1', services }: GrpcParts) {
    this.address = `${host}:${port}`;
    this.health = new HealthState(services.map(({ typeName }) => typeName));
    this.health.setServing(false);
    this.microservice = app.connectMicroservice<GrpcOptions>(
      {
        transport: Transport.GRPC,
        options: {
          url: this.address,
          package: [...new Set(services.map((service) => service.file.proto.package))],
          packageDefinition: packageDefinition(...services),
          channelOptions: SERVER_OPTIONS,
          onLoadPackageDefinition: (_definition, server: Server) => {
            this.server = server;
            addHealthService(server, this.health);
          },
        },
      },
      { inheritAppConfig: true },
    );
  }

  async listen(): Promise<void> {
    try {
      await this.microservice.listen();
    } catch (cause) {
      const { address } = this;
      throw new PlatformError('unavailable', `cannot listen on ${address}`, { facts: { address }, cause });
    }
  }

  setServing(serving: boolean): void {
    this.health.setServing(serving);
  }

  /** Takes no new calls, lets running ones end, then cuts them. */
  async close(): Promise<void> {
    const { server } = this;
    this.health.close();
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        server.forceShutdown();
        resolve();
      }, GRACE_MS);
      server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
