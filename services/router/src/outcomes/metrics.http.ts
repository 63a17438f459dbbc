// Prometheus on its own port (8002), as Triton has it: the router's own families, then those of the telemetry library.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export class MetricsEndpoint {
  private readonly server: Server;

  constructor(
    private readonly options: { host: string; port: number },
    render: () => Promise<string>,
  ) {
    this.server = createServer({ maxHeaderSize: 8_192, headersTimeout: 5_000 }, (request, response) => {
      request.resume();
      if (request.url !== '/metrics') {
        response.writeHead(404).end();
        return;
      }
      render().then(
        (text) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text),
        () => response.writeHead(500).end(),
      );
    });
    this.server.maxConnections = 64;
  }

  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, this.options.host, () =>
        resolve((this.server.address() as AddressInfo).port),
      );
    });
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
