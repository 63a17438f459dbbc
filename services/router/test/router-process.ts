// Starts the built router (dist/) as a process of its own, on free ports and a home of its own, and talks to its
// endpoints.

import { type ChildProcess, spawn } from 'node:child_process';
import { GRPCInferenceService, RouteService } from '@millrace/contracts';
import { createClient, type GrpcClient } from '@millrace/grpc';
import { freePorts } from '@millrace/testing';

const MAIN = new URL('../../../dist/services/router/src/main.js', import.meta.url).pathname;
/** Long: it ends what hangs, and must not be what a machine with other work to do breaks. */
const WITHIN_MS = 60_000;
const LOOK_MS = 50;

export interface RouterSettings {
  brokers: string;
  topicPrefix: string;
  home: string;
  servingPort: number;
  env?: Record<string, string>;
}

export interface HttpAnswer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON came
  body: any;
}

export class RouterProcess {
  exit: Promise<number | null> = Promise.resolve(null);
  output = '';
  private child: ChildProcess | undefined;
  private clients: { close(): void }[] = [];

  private constructor(
    private readonly settings: RouterSettings,
    readonly httpPort: number,
    readonly grpcPort: number,
    readonly metricsPort: number,
    readonly controlPort: number,
    readonly controlGrpcPort: number,
  ) {}

  static async start(settings: RouterSettings): Promise<RouterProcess> {
    const [http, grpc, metrics, control, controlGrpc] = (await freePorts(5)) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const router = new RouterProcess(settings, http, grpc, metrics, control, controlGrpc);
    await router.start();
    return router;
  }

  get home(): string {
    return this.settings.home;
  }

  async start(): Promise<void> {
    const { brokers, topicPrefix, home, servingPort, env } = this.settings;
    const child = spawn(process.execPath, [MAIN], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: '/usr/bin:/bin',
        HOME: home,
        MILLRACE_HOME: home,
        MILLRACE_KAFKA_BROKERS: brokers,
        MILLRACE_TOPIC_PREFIX: topicPrefix,
        MILLRACE_SERVING_GRPC_PORT: String(servingPort),
        MILLRACE_ROUTER_HTTP_PORT: String(this.httpPort),
        MILLRACE_ROUTER_GRPC_PORT: String(this.grpcPort),
        MILLRACE_ROUTER_METRICS_PORT: String(this.metricsPort),
        MILLRACE_ROUTER_CONTROL_PORT: String(this.controlPort),
        MILLRACE_ROUTER_CONTROL_GRPC_PORT: String(this.controlGrpcPort),
        ...env,
      },
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => {
        this.output = (this.output + text.toString()).slice(-100_000);
      });
    }
    this.exit = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    await this.until(async () => (await fetch(`http://127.0.0.1:${this.controlPort}/health/ready`)).ok);
  }

  /**
   * Repeats a question every 50 ms until it is answered with true. Only these pauses count: what a machine that has
   * other work to do needs for an answer does not.
   */
  async until(question: () => Promise<boolean> | boolean, withinMs = WITHIN_MS): Promise<void> {
    for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
      const yes = await Promise.resolve()
        .then(question)
        .catch(() => false);
      if (yes) return;
      if (waitedMs >= withinMs) throw new Error(`not within ${withinMs} ms:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async stop(): Promise<number | null> {
    for (const client of this.clients.splice(0)) client.close();
    this.child?.kill('SIGTERM');
    return this.exit;
  }

  /** SIGSTOP holds its sockets and answers nothing, until SIGCONT. */
  signal(name: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.child?.kill(name);
  }

  /** `others`: of other routers, which the client knows as well. */
  inference(...others: number[]): GrpcClient<typeof GRPCInferenceService> {
    const places = [this.grpcPort, ...others].map((port) => `127.0.0.1:${port}`);
    const client = createClient(GRPCInferenceService, others.length === 0 ? (places[0] as string) : `ipv4:${places}`);
    this.clients.push(client);
    return client;
  }

  routes(): GrpcClient<typeof RouteService> {
    const client = createClient(RouteService, `127.0.0.1:${this.controlGrpcPort}`, { unaryDeadlineMs: 15_000 });
    this.clients.push(client);
    return client;
  }

  async get(path: string, port = this.controlPort, withinMs = 60_000): Promise<HttpAnswer> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(withinMs) });
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  }

  async post(path: string, body: unknown, port = this.controlPort): Promise<HttpAnswer> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  }
}
