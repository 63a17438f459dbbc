// serve: serving alone over a folder of models.

import { join, resolve } from 'node:path';
import { LOOPBACK, servingSettings } from '@millrace/deployment';
import { PlatformError, systemClock } from '@millrace/domain';
import type { Command } from 'commander';
import { EXIT_FAILED } from '../exit-codes.js';
import { checkModelFolder } from '../serve/model-folder.fs.js';
import { servePlan, serveRouterPlan } from '../serve/serve-plan.js';
import { type ServedRow, type ServeReport, serveReportText } from '../serve/serve-report.js';
import { Supervisor } from '../supervisor/supervisor.process.js';
import { StopSignal } from '../terminal/stop-signal.process.js';
import { action, type Context } from './context.js';
import { oneOf, port, settingText } from './option-values.js';
import { REPOSITORY } from './run.js';

interface ServeOptions {
  repository: string;
  withRouter?: boolean;
  httpPort?: number;
  grpcPort?: number;
  host?: string;
  models?: string;
  processes?: string;
  poll?: string;
  connectionAge?: string;
}

const HOSTS: readonly string[] = [LOOPBACK, '0.0.0.0'];

export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('serves a folder of models alone, without Kafka and Redis, until Ctrl-C')
    .requiredOption('--repository <folder>', "models in Triton's layout, or plain ONNX files")
    .option('--with-router', "a router before it, on Triton's ports 8000, 8001 and 8002")
    .option('--http-port <port>', 'V2 REST and /metrics; default: MILLRACE_SERVING_HTTP_PORT, 8030', port)
    .option('--grpc-port <port>', 'V2 gRPC; default: MILLRACE_SERVING_GRPC_PORT, 8031', port)
    .option(
      '--host <address>',
      '127.0.0.1, or 0.0.0.0 for other machines; default: MILLRACE_SERVING_HOST, 127.0.0.1',
      oneOf(HOSTS),
    )
    .option('--models <names>', 'load only these at the start, joined by ","; "none" waits for load requests')
    .option('--processes <count>', 'worker processes on the two ports', settingText(servingSettings.processes))
    .option(
      '--poll <duration>',
      'look for changes of the folder this often, for example 2s; default: never',
      settingText(servingSettings.repositoryPollMs),
    )
    .option(
      '--connection-age <duration>',
      'ask clients to connect anew after this, for example 5m; default: never',
      settingText(servingSettings.connectionAgeMaxMs),
    )
    .action(action((context, options: ServeOptions) => serve(context, options)));
}

async function serve(context: Context, options: ServeOptions): Promise<number> {
  const folder = resolve(options.repository);
  checkModelFolder(folder);
  const { settings } = context;
  const env = settings.forUp();
  const host = options.host ?? (env.MILLRACE_SERVING_HOST || LOOPBACK);
  if (!HOSTS.includes(host)) {
    const wanted = HOSTS.join(' or ');
    throw new PlatformError('invalid_argument', `with serve MILLRACE_SERVING_HOST takes ${wanted}, not "${host}"`);
  }
  const httpPort = options.httpPort ?? settings.ports.servingHttp;
  const grpcPort = options.grpcPort ?? settings.ports.servingGrpc;
  const home = join(settings.home, `serve-${httpPort}`);
  const stop = new StopSignal({ clock: systemClock, say: (line) => process.stderr.write(`${line}\n`) });
  const supervisor = new Supervisor({
    root: REPOSITORY,
    home,
    ports: settings.ports,
    workers: 0,
    env,
    log: (line) => process.stderr.write(`${line}\n`),
    plans: [
      servePlan({
        root: REPOSITORY,
        node: process.execPath,
        models: folder,
        home,
        // With a router nobody else needs to reach serving.
        host: options.withRouter === true ? LOOPBACK : host,
        httpPort,
        grpcPort,
        names: options.models?.split(',').map((name) => name.trim()),
        processes: options.processes,
        poll: options.poll,
        connectionAge: options.connectionAge,
      }),
      ...(options.withRouter === true
        ? [
            serveRouterPlan({
              ...{ root: REPOSITORY, node: process.execPath, home, host, httpPort, grpcPort },
              ports: settings.ports,
            }),
          ]
        : []),
    ],
  });
  stop.beforeEndAtOnce(() => supervisor.endNow());
  supervisor.on('homeGone', (error) => {
    process.stderr.write(`millrace: ${error.reason}; stopping\n`);
    stop.fail(error);
  });
  try {
    await stop.unlessAsked(supervisor.start());
    const logFile = supervisor.status()[0]?.logFile ?? '';
    const { routerHttp, routerGrpc, routerMetrics } = settings.ports;
    const at =
      options.withRouter === true
        ? { http: routerHttp, grpc: routerGrpc, metrics: routerMetrics }
        : { http: httpPort, grpc: grpcPort, metrics: httpPort };
    const report = await stop.unlessAsked(reportOf(folder, at, logFile));
    context.print(report, () => serveReportText(report));
    const none = options.models === undefined && !report.models.some(({ state }) => state === 'READY');
    if (none) {
      process.stderr.write('millrace: no model could be loaded\n');
      return EXIT_FAILED;
    }
    if (!context.json) process.stdout.write('\nCtrl-C stops it.\n');
    supervisor.on('failed', (_name, error) => {
      process.stderr.write(`millrace: ${error.reason}\n`);
      stop.fail(error);
    });
    return await stop.ended();
  } finally {
    await supervisor.stop();
  }
}

async function reportOf(
  repository: string,
  at: { http: number; grpc: number; metrics: number },
  log: string,
): Promise<ServeReport> {
  const http = `http://127.0.0.1:${at.http}`;
  const index = (await json(`${http}/v2/repository/index`, 'POST')) as ServedRow[];
  const models = await Promise.all(
    index.map(async (row): Promise<ServedRow> => {
      if (row.state !== 'READY') return row;
      const path = `${http}/v2/models/${encodeURIComponent(row.name)}/versions/${row.version}`;
      const { platform, inputs, outputs } = (await json(path)) as Required<ServedRow>;
      const config = (await json(`${path}/config`)) as {
        sequence_batching?: object;
        model_transaction_policy?: { decoupled?: boolean };
      };
      const plain = !config.sequence_batching && !config.model_transaction_policy?.decoupled;
      return { ...row, platform, inputs, outputs, plain };
    }),
  );
  return {
    repository,
    http,
    grpc: `127.0.0.1:${at.grpc}`,
    metrics: `http://127.0.0.1:${at.metrics}/metrics`,
    log,
    models,
  };
}

async function json(url: string, method = 'GET'): Promise<unknown> {
  const response = await fetch(url, { method });
  if (response.ok) return response.json();
  throw new PlatformError(
    'unavailable',
    `${url} answered ${response.status}: ${(await response.text()).slice(0, 200)}`,
  );
}
