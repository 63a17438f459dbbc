// The multiplexed stream that the router uses: many requests on one stream, the version chosen by the frame, answers by
// id, errors as frames, deadlines and cancellation.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodePrediction, type PredictionMessage } from '@millrace/contracts';
import {
  decodeExchangeResponse,
  decodeInferResponse,
  encodeExchangeRequest,
  encodeInferRequest,
  type RequestFrame,
  type ResponseFrame,
} from '@millrace/inference';
import { CompactedReader } from '@millrace/kafka';
import { eventually, startKafka, uniquePrefix } from '@millrace/testing';
import { writePackage } from './package-fixture.js';
import {
  ControlWriter,
  requestOf,
  type ServingProcess,
  startServing,
  untilLoaded,
  untilReady,
} from './serving-process.js';

const pass = (bytes: Buffer): Buffer => bytes;

describe('the relay stream', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-serving-'));
  const answers = new Map<number, ResponseFrame>();
  const predictions = new Map<string, PredictionMessage>();
  let control: ControlWriter;
  let reader: CompactedReader;
  let serving: ServingProcess;
  let client: Client;
  let stream: ClientDuplexStream<Buffer, Buffer>;
  let messages = 0;
  let ended = false;

  const frame = (id: number, part: Partial<RequestFrame> = {}): RequestFrame => ({
    id,
    version: 1,
    model: 'demo',
    request: encodeInferRequest(
      requestOf('demo', [{ distance: id / 100, hour: 1, origin: 'JFK', flag: false }], { id: `q${id}` }),
    ),
    traceparent: '',
    entity: '',
    deadlineMs: 0,
    cancelled: false,
    ...part,
  });
  const send = (...frames: RequestFrame[]) => stream.write(Buffer.from(encodeExchangeRequest(frames)));
  const answerTo = (id: number) => eventually(`an answer to ${id}`, () => answers.get(id));

  beforeAll(async () => {
    const { brokers } = await startKafka();
    const topicPrefix = uniquePrefix();
    control = new ControlWriter(brokers, topicPrefix);
    await control.ensureTopics();
    writePackage(home, 'demo', 1);
    writePackage(home, 'demo', 2);
    await control.route('demo', [1, 2]);
    serving = await startServing({ home, brokers, topicPrefix });
    await untilReady(serving);
    await untilLoaded(serving, 'demo', 2);
    reader = new CompactedReader(control.kafka, {
      name: 'relay-test',
      topics: {
        'predictions.v1': (_key, value) => {
          if (value === null) return;
          const prediction = decodePrediction(value);
          predictions.set(prediction.predictionId, prediction);
        },
      },
    });
    await reader.caughtUp();
    client = new Client(serving.grpc, credentials.createInsecure());
    stream = client.makeBidiStreamRequest('/millrace.relay.v1.RelayService/Exchange', pass, pass);
    stream.on('data', (bytes: Buffer) => {
      messages++;
      decodeExchangeResponse(bytes, (answer) => answers.set(answer.id, answer));
    });
    stream.on('end', () => {
      ended = true;
    });
    stream.on('error', () => {});
  }, 120_000);

  afterAll(async () => {
    stream?.cancel();
    client?.close();
    await reader?.close();
    await serving?.stop();
    await control?.close();
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  it('answers each frame by its id, in batches', async () => {
    send(...Array.from({ length: 300 }, (_, id) => frame(id)));
    await eventually('all are answered', () => answers.size === 300);
    for (const [id, answer] of answers) {
      expect(answer.status).toBe(0);
      expect(decodeInferResponse(answer.response).id).toBe(`q${id}`);
    }
    expect(messages).toBeLessThan(30);
  });

  it('uses the version of the frame, whatever the request says', async () => {
    send(frame(1000, { version: 2 }), frame(1001, { version: 0 }));
    expect(decodeInferResponse((await answerTo(1000)).response).modelVersion).toBe('2');
    expect(decodeInferResponse((await answerTo(1001)).response).modelVersion).toBe('1');
  });

  it('logs in which rollout the frame says that its version was drawn, and of others nothing', async () => {
    send(frame(1500, { rolloutRevision: 7, rolloutWeight: 20 }), frame(1501));
    const logged = (id: number) => eventually(`the prediction of ${id}`, () => predictions.get(`q${id}/0`));
    expect((await logged(1500)).draw).toEqual({ fromRevision: 7, weight: 20 });
    expect((await logged(1501)).draw).toBeUndefined();
  });

  it('answers errors as frames and goes on', async () => {
    send(frame(2000, { version: 9 }), frame(2001, { request: Buffer.from('garbage') }), frame(2002));
    expect(await answerTo(2000)).toMatchObject({ status: 5, message: expect.stringMatching(/version 9 is not found/) });
    expect(await answerTo(2001)).toMatchObject({ status: 3 });
    expect(await answerTo(2002)).toMatchObject({ status: 0 });
  });

  it('does not answer what was cancelled', async () => {
    send(frame(3000), frame(3000, { cancelled: true, request: new Uint8Array(0) }), frame(3001));
    await answerTo(3001);
    expect(answers.has(3000)).toBe(false);
  });

  it('ends after its answers when the server stops', async () => {
    const stopped = serving.stop();
    send(frame(4000));
    expect(await answerTo(4000)).toMatchObject({ status: 0 });
    expect(await stopped).toBe(0);
    await eventually('the stream has ended', () => ended);
  });
});
