// Bad input of every kind: refused with every reason, kept in the dead letters, and the partition moves on.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeRecord, messageKey } from '@millrace/contracts';
import { KafkaConnection, MessageProducer } from '@millrace/kafka';
import { eventually } from '@millrace/testing';
import { buildServices, IngestProcess, PROJECT, START_MS } from './ingest-process.js';

let ingest: IngestProcess;
let connection: KafkaConnection;
let producer: MessageProducer;

const good = (id: string, minute: number) => ({
  recordId: id,
  values: { at: START_MS + minute * 60_000, customer: 'ann', amount: 10 },
});

beforeAll(async () => {
  await buildServices();
  ingest = await IngestProcess.create();
  connection = new KafkaConnection({ brokers: ingest.brokers, clientId: 'bad-input-test', topicPrefix: ingest.prefix });
  producer = new MessageProducer(connection);
}, 120_000);

afterAll(async () => {
  await producer.close();
  await connection.close();
  await ingest.remove();
});

const deadLetters = async () => (await ingest.get('/v1/deadletters?project=loans&limit=1000')).body;

describe('bad input', () => {
  it('refuses a wrong project file with all faults and applies the right one', async () => {
    const wrong = await ingest.apply(
      PROJECT.replace('versionEvery: 1h', 'versionEvry: 1h').replace('entity: customer', 'entity: custmer'),
    );
    expect(wrong.status).toBe(400);
    expect(wrong.body.faults.map((fault: { path: string }) => fault.path)).toContain('data.versionEvry');
    expect((await ingest.apply(PROJECT)).status).toBe(200);
    expect((await ingest.apply(PROJECT)).body.changed).toBe(false);
  });

  it.each([
    ['wrong type', { at: START_MS, customer: 'ann', amount: 'ten' }, ['wrong_type']],
    ['missing field', { at: START_MS, customer: 'ann' }, ['missing_field']],
    ['outside the domain', { at: START_MS, customer: 'ann', amount: 1, kind: 'boat' }, ['not_in_domain']],
    ['out of range', { at: START_MS, customer: 'ann', amount: -1 }, ['below_min']],
    ['too long a text', { at: START_MS, customer: 'x'.repeat(17), amount: 1 }, ['oversize']],
    ['unknown field', { at: START_MS, customer: 'ann', amount: 1, colour: 'red' }, ['unknown_field']],
    ['no event time', { customer: 'ann', amount: 1 }, ['bad_event_time']],
    ['event time in the future', { at: Date.UTC(9000, 0, 1), customer: 'ann', amount: 1 }, ['bad_event_time']],
    [
      'all at once',
      { at: 'noon', customer: 7.5, amount: null, kind: 'boat' },
      ['bad_event_time', 'wrong_type', 'missing_field', 'not_in_domain'],
    ],
  ])('HTTP: %s', async (name, values, codes) => {
    const answer = await ingest.post('/v1/projects/loans/records', { recordId: `bad ${name}`, values });
    expect(answer.status).toBe(400);
    expect(answer.body.rejected[0].reasons.map((reason: { code: string }) => reason.code)).toEqual(codes);
  });

  it('HTTP: bytes that are no JSON, NaN, an oversized record, half good half bad NDJSON', async () => {
    expect((await ingest.post('/v1/projects/loans/records', '{{{ garbage')).body.rejected[0].reasons[0].code).toBe(
      'malformed',
    );
    const nan = '{"recordId":"n","values":{"at":1704067200000,"customer":"ann","amount":NaN}}';
    expect((await ingest.post('/v1/projects/loans/records', nan)).body.rejected[0].reasons[0].code).toBe('malformed');
    const huge = { recordId: 'huge', values: { at: START_MS, customer: 'ann', amount: 1, note: 'x'.repeat(70_000) } };
    expect((await ingest.post('/v1/projects/loans/records', huge)).body.rejected[0].reasons[0].code).toBe('oversize');
    const mixed = [JSON.stringify(good('mixed', 1)), 'not json', JSON.stringify({ recordId: 'x', values: {} })].join(
      '\n',
    );
    const answer = await ingest.post('/v1/projects/loans/records', mixed, 'application/x-ndjson');
    expect(answer.status).toBe(200);
    expect(answer.body.accepted).toBe(1);
    expect(answer.body.rejected.map((rejection: { index: number }) => rejection.index)).toEqual([1, 2]);
    const labels = await ingest.post('/v1/projects/loans/labels', [
      { recordId: 'mixed', entity: 'ann', eventTimeMs: START_MS, value: 3 },
    ]);
    expect(labels.body.rejected[0].reasons[0].code).toBe('not_in_domain');
    const shown = await eventually('dead letters are listed', async () =>
      (await deadLetters()).total >= 14 ? deadLetters() : null,
    );
    const oversize = shown.deadLetters.find(
      (letter: { reasons: { code: string }[] }) => letter.reasons[0]?.code === 'oversize',
    );
    expect(oversize.payloadBytes).toBeGreaterThan(0);
    expect((await ingest.post('/v1/projects/nothing/records', '{}')).status).toBe(404);
  });

  it('Kafka: garbage, foreign schemas and unknown projects on the topics are set aside, and good records go on', async () => {
    const record = {
      project: 'loans',
      recordId: 'foreign',
      entity: 'ann',
      eventTimeMs: START_MS,
      values: { at: START_MS, customer: 'ann', amount: -5 },
      schemaHash: 'another',
      source: 'kafka:elsewhere',
      ingestedAtMs: START_MS,
    };
    const key = messageKey('loans', 'ann');
    await producer.send('records.v1', [
      { key, value: Uint8Array.from([255, 1, 2, 3, 250, 99]) },
      { key, value: new Uint8Array() },
      { key, value: encodeRecord(record) },
      { key, value: encodeRecord({ ...record, project: 'unheard-of' }) },
    ]);
    await producer.send('labels.v1', [{ key, value: Uint8Array.from([1, 2, 3]) }]);
    await producer.send('batches.v1', [{ key, value: Uint8Array.from([9, 9, 9, 9]) }]);
    expect((await ingest.post('/v1/projects/loans/records', [good('after', 2)])).status).toBe(200);
    await eventually(
      'the good records, one of them behind the garbage, are counted',
      async () => (await ingest.get('/v1/stats')).body.projects.loans.recordsAccepted === 2,
    );
    await eventually('six messages are dead letters', async () => {
      const { body } = await ingest.get('/v1/deadletters?limit=1000');
      const fromKafka = body.deadLetters.filter((letter: { source: string }) => letter.source.endsWith('.v1'));
      return (
        new Set(
          fromKafka.map(
            (letter: { source: string; offset: number; partition: number }) =>
              `${letter.source}/${letter.partition}/${letter.offset}`,
          ),
        ).size === 6
      );
    });
  });

  it('drives a dead letter again once the schema allows it', async () => {
    const answer = await ingest.post('/v1/projects/loans/records', {
      recordId: 'boat',
      values: { ...good('', 3).values, kind: 'boat' },
    });
    expect(answer.status).toBe(400);
    const letter = await eventually('the dead letter is listed', async () =>
      (await deadLetters()).deadLetters.find((candidate: { payload: string }) =>
        candidate.payload.includes('"recordId":"boat"'),
      ),
    );
    expect((await ingest.post(`/v1/deadletters/${letter.id}/redrive`, '')).body.accepted).toBe(0);
    expect((await ingest.apply(PROJECT.replace('[car, house]', '[car, house, boat]'))).body.revision).toBe(2);
    expect((await ingest.post(`/v1/deadletters/${letter.id}/redrive`, '')).body.accepted).toBe(1);
  });

  it('ends cleanly on SIGTERM', async () => {
    expect(await ingest.stop()).toBe(0);
    await ingest.start();
    // mixed, after, boat; and everything that was refused.
    await eventually('statistics survive', async () => {
      const stats = (await ingest.get('/v1/stats')).body.projects.loans;
      return stats.recordsAccepted === 3 && stats.deadLettered >= 14;
    });
  }, 90_000);
});
