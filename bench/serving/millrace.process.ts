// Serving as the bench measures it: one process of the built code with the bench's repository and a package of the
// platform, metrics, statistics, validation, the complete prediction log to a real broker, and an exporter that takes
// the traces.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureTopics, KafkaConnection } from '@millrace/kafka';
import { freePort, startKafka } from '@millrace/testing';
import { PACKAGE, routePackage, writePackage } from './package.fs.js';
import { writeRepository } from './repository.fs.js';
import type { Millrace } from './row.js';
import { startEcho, startSystem } from './systems.process.js';

const TOPIC_PREFIX = 'bench.';
const READY_TRIES = 300;

async function ready(httpPort: number, log: string): Promise<void> {
  for (let i = 0; i < READY_TRIES; i++) {
    const answers = await Promise.all(
      ['mlp', PACKAGE].map((model) =>
        fetch(`http://127.0.0.1:${httpPort}/v2/models/${model}/ready`).catch(() => undefined),
      ),
    );
    if (answers.every((answer) => answer?.ok)) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  const tail = readFileSync(log, 'utf8').split('\n').slice(-25).join('\n');
  throw new Error(`millrace: its models are not ready:\n${tail}`);
}

/** `nodeArguments`: for the measured process alone, for example an inspector's port. */
export async function startMillrace(
  root: string,
  work: string,
  nodeArguments: readonly string[] = [],
): Promise<Millrace> {
  const kafka = await startKafka({ dedicated: true });
  const connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'bench', topicPrefix: TOPIC_PREFIX });
  await ensureTopics(connection);
  await routePackage(connection);
  await connection.close();
  const sink = await startEcho(root, work, 'otlp-sink.js');
  const repository = join(work, 'repository');
  writePackage(join(work, 'home'));
  writeRepository(root, repository);
  const [httpPort, grpcPort] = [await freePort(), await freePort()];
  const serving = await startSystem({
    name: 'millrace',
    command: process.execPath,
    args: [...nodeArguments, join(root, 'dist/services/serving/src/main.js')],
    env: {
      MILLRACE_HOME: join(work, 'home'),
      MILLRACE_KAFKA_BROKERS: kafka.brokers.join(','),
      MILLRACE_TOPIC_PREFIX: TOPIC_PREFIX,
      MILLRACE_SERVING_HTTP_PORT: String(httpPort),
      MILLRACE_SERVING_GRPC_PORT: String(grpcPort),
      MILLRACE_SERVING_REPOSITORY: repository,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${sink.httpPort}`,
    },
    log: join(work, 'millrace.log'),
    grpcPort,
    httpPort,
  });
  await ready(httpPort, join(work, 'millrace.log'));
  return {
    ...serving,
    broker: kafka,
    async stop() {
      await serving.stop();
      await sink.stop();
      await kafka.stop();
    },
  };
}
