// What the project's Kafka producer alone sends: the messages that ingest makes of the bench's records, in calls of the
// size that a gRPC message has, as many of them unanswered as two streams may have. Prints one JSON line.
//   node dist/bench/live-intake/producer-alone.main.js BROKERS RECORDS PER_CALL IN_FLIGHT

import { argv, cpuUsage, exit, stdout } from 'node:process';
import { systemClock } from '@millrace/domain';
import { ensureTopics, KafkaConnection, MessageProducer } from '@millrace/kafka';
import { flights, messagesOf } from './flights.js';
import { TOPIC_PREFIX } from './ingest.process.js';

const [brokers = '', records = '', perCall = '', inFlight = ''] = argv.slice(2);
// A prefix of its own: ingest shall not read them.
const connection = new KafkaConnection({
  brokers: brokers.split(','),
  clientId: 'bench',
  topicPrefix: `alone-${TOPIC_PREFIX}`,
});
await ensureTopics(connection, ['records.v1']);
const producer = new MessageProducer(connection);
await producer.connect();
const messages = messagesOf(flights('alone', Number(records), systemClock.nowMs()));

async function send(from: number, to: number): Promise<void> {
  const size = Number(perCall);
  let next = from;
  const lane = async () => {
    while (next < to) {
      const at = next;
      next += size;
      await producer.send('records.v1', messages.slice(at, Math.min(to, at + size)));
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.round(Number(inFlight) / size)) }, lane));
}

const warm = Math.round(messages.length / 5);
await send(0, warm);
const fromMs = systemClock.monotonicMs();
const cpuFrom = cpuUsage();
await send(warm, messages.length);
const seconds = (systemClock.monotonicMs() - fromMs) / 1000;
const { user, system } = cpuUsage(cpuFrom);
const sent = messages.length - warm;
stdout.write(`${JSON.stringify({ perSecond: sent / seconds, cpuUsPerRecord: (user + system) / sent })}\n`);
await producer.close();
await connection.close();
exit(0);
