// Serving as the bench measures it: one process of the built code over the bench's repository, with metrics, statistics,
// validation, complete payload log to a real broker, and an exporter that takes the traces.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureTopics, KafkaConnection } from '@millrace/kafka';
import { freePort, startKafka } from '@millrace/testing';
import { writeRepository } from './repository.fs.js';
import { type System, startEcho, startSystem } from './systems.process.js';

const TOPIC_PREFIX = 'bench.';
const READY_TRIES = 600;

async function ready(httpPort: number): Promise<void> {
  for (let i = 0; i < READY_TRIES; i++) {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/v2/models/mlp/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error("millrace: the model 'mlp' is not ready");
}

/** `nodeArguments`: for the measured process alone, for example an inspector's port. */
export async function startMillrace(
  root: string,
  work: string,
  nodeArguments: readonly string[] = [],
): Promise<System> {
  const kafka = await startKafka({ dedicated: true });
  const connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'bench', topicPrefix: TOPIC_PREFIX });
  await ensureTopics(connection);
  await connection.close();
  const sink = await startEcho(root, work, 'otlp-sink');
  const repository = join(work, 'repository');
  mkdirSync(join(work, 'home'), { recursive: true });
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
  await ready(httpPort);
  return {
    ...serving,
    async stop() {
      await serving.stop();
      await sink.stop();
      await kafka.stop();
    },
  };
}
