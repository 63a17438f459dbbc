// What serving's own endpoints offer, through the router: a real serving with the example models behind it, which have
// no route.

import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { inferencePb } from '@millrace/contracts';
import { ensureTopics, KafkaConnection } from '@millrace/kafka';
import { cloneRoot, eventually, freePorts, startKafka, uniquePrefix } from '@millrace/testing';
import { RouterProcess } from './router-process.js';

const MODELS = join(cloneRoot(), 'examples/model-repository');
const SERVING = join(cloneRoot(), 'dist/services/serving/src/main.js');

const ONE_ROW = { inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] };

describe('through the router', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-parity-'));
  const models = join(home, 'models');
  let serving: ChildProcess;
  let router: RouterProcess;
  let url: string;

  beforeAll(async () => {
    cpSync(MODELS, models, { recursive: true });
    appendFileSync(
      join(models, 'identity/config.pbtxt'),
      'parameters { key: "version_labels" value: { string_value: "stable=1" } }\n',
    );
    const { brokers } = await startKafka();
    const topicPrefix = uniquePrefix();
    const connection = new KafkaConnection({ brokers, clientId: 'parity', topicPrefix });
    await ensureTopics(connection);
    await connection.close();
    const [httpPort, grpcPort] = (await freePorts(2)) as [number, number];
    const ports = {
      MILLRACE_SERVING_HTTP_PORT: String(httpPort),
      MILLRACE_SERVING_GRPC_PORT: String(grpcPort),
    };
    serving = spawn(process.execPath, [SERVING], {
      stdio: 'ignore',
      env: {
        PATH: '/usr/bin:/bin',
        HOME: home,
        MILLRACE_HOME: home,
        MILLRACE_KAFKA_BROKERS: brokers.join(','),
        MILLRACE_TOPIC_PREFIX: topicPrefix,
        MILLRACE_SERVING_REPOSITORY: models,
        ...ports,
      },
    });
    const servingReady = () => fetch(`http://127.0.0.1:${httpPort}/v2/models/repeat/ready`).then(({ ok }) => ok);
    await eventually('the models are ready', () => servingReady().catch(() => false), 30_000);
    router = await RouterProcess.start({
      brokers: brokers.join(','),
      topicPrefix,
      home: join(home, 'router'),
      servingPort: grpcPort,
      env: ports,
    });
    url = `http://127.0.0.1:${router.httpPort}`;
  }, 90_000);

  afterAll(async () => {
    await router?.stop();
    const ended = new Promise((resolve) => serving?.once('exit', resolve));
    serving?.kill('SIGTERM');
    await ended;
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  const post = (path: string, body: Buffer | string, headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, { method: 'POST', body, headers });

  /** IN of model repeat: each element is an answer of its own. */
  const repeat = (id: string, values: number[], emptyFinal = false) => ({
    modelName: 'repeat',
    id,
    inputs: [{ name: 'IN', datatype: 'INT32', shape: [BigInt(values.length)] }],
    rawInputContents: [new Uint8Array(Int32Array.from(values).buffer)],
    parameters: emptyFinal
      ? { triton_enable_empty_final_response: { parameterChoice: { case: 'boolParam' as const, value: true } } }
      : {},
  });

  it('a decoupled model streams its answers, and an empty last one where it was asked for', async () => {
    const stream = router.inference().modelStreamInfer();
    const answers: inferencePb.ModelStreamInferResponse[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      stream.on('data', (answer: inferencePb.ModelStreamInferResponse) => answers.push(answer));
      stream.on('end', resolve);
      stream.on('error', reject);
    });
    stream.write(repeat('a', [7, 8, 9]) as never);
    stream.write(repeat('b', [1], true) as never);
    stream.end();
    await ended;
    const of = (id: string) => answers.filter(({ inferResponse }) => inferResponse?.id === id);
    const values = of('a').map(({ inferResponse }) => inferResponse?.rawOutputContents[0]?.[0]);
    expect(values).toEqual([7, 8, 9]);
    expect(of('b').map(({ inferResponse }) => inferResponse?.outputs.length)).toEqual([2, 0]);
    const final = of('b')[1]?.inferResponse?.parameters.triton_final_response?.parameterChoice;
    expect(final).toMatchObject({ case: 'boolParam', value: true });
  });

  it('a decoupled model refuses a unary call, and says so as serving does', async () => {
    const asked = router.inference().modelInfer(repeat('one', [1]) as never);
    await expect(asked).rejects.toMatchObject({ code: 'unimplemented' });
  });

  it('raw single-input bodies, compressed bodies and answers, generate and generate_stream go through', async () => {
    const raw = await post('/v2/models/identity/infer', Buffer.from(new Float32Array([1, 2, 3, 4]).buffer), {
      'inference-header-content-length': '0',
    });
    expect([raw.status, raw.headers.get('inference-header-content-length')]).toEqual([200, expect.any(String)]);
    const data = Array.from({ length: 600 }, (_, i) => i);
    const json = JSON.stringify({ inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1, 600], data }] });
    const headers = { 'content-encoding': 'gzip', 'accept-encoding': 'gzip' };
    const squeezed = await post('/v2/models/identity/infer', gzipSync(json), headers);
    expect(squeezed.headers.get('content-encoding')).toBe('gzip');
    expect(((await squeezed.json()) as { outputs: { data: number[] }[] }).outputs[0]?.data).toEqual(data);
    const one = await post('/v2/models/repeat/generate', JSON.stringify({ IN: 5 }));
    expect(await one.json()).toMatchObject({ OUT: 5, IDX: 0 });
    const events = await post('/v2/models/repeat/generate_stream', JSON.stringify({ IN: [4, 5] }));
    expect(events.headers.get('content-type')).toMatch(/text\/event-stream/);
    expect((await events.text()).match(/^data: /gm)).toHaveLength(2);
  });

  it('a version is named by its label, over gRPC, streams and REST', async () => {
    const named = (modelVersion: string) => ({
      modelName: 'identity',
      modelVersion,
      inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1n, 2n] }],
      rawInputContents: [new Uint8Array(new Float32Array([1, 2]).buffer)],
    });
    const client = router.inference();
    expect((await client.modelInfer(named('stable') as never)).modelVersion).toBe('1');
    expect((await client.modelReady({ name: 'identity', version: 'stable' })).ready).toBe(true);
    const rows = [
      ['infer', JSON.stringify(ONE_ROW), {}],
      ['infer', Buffer.alloc(8), { 'inference-header-content-length': '0' }],
      ['generate', JSON.stringify({ INPUT0: [1, 2] }), {}],
    ] as const;
    for (const [what, body, headers] of rows) {
      const answer = await post(`/v2/models/identity/versions/stable/${what}`, body as string, headers);
      expect([what, answer.status, await answer.text()]).toEqual([
        what,
        200,
        expect.stringMatching(/"model_version":"1"/),
      ]);
      const unknown = await post(`/v2/models/identity/versions/nobody/${what}`, body as string, headers);
      expect([what, unknown.status]).toEqual([what, 400]);
    }
  });

  it('port 8002 tells Triton’s metrics of the models behind it beside the router’s own', async () => {
    await post('/v2/models/identity/infer', JSON.stringify(ONE_ROW));
    const text = await (await fetch(`http://127.0.0.1:${router.metricsPort}/metrics`)).text();
    expect(text).toMatch(/^nv_inference_request_success\{model="identity",version="1"\} [1-9]/m);
    expect(text).toMatch(/^millrace_router_requests_total\{/m);
  });

  it('models are unloaded and loaded, over gRPC and REST; wrong methods and unknown models are told apart', async () => {
    const client = router.inference();
    await client.repositoryModelUnload({ modelName: 'string' });
    await eventually('it is gone', async () => !(await client.modelReady({ name: 'string' })).ready);
    expect((await post('/v2/repository/models/string/load', '{}')).status).toBe(200);
    expect((await client.modelReady({ name: 'string' })).ready).toBe(true);
    expect((await fetch(`${url}/v2/models/identity/infer`)).status).toBe(405);
    expect((await post('/v2/models/nobody/infer', '{"inputs":[]}')).status).toBe(404);
    expect((await post('/v2/models/nobody/generate', '{}')).status).toBe(404);
    await expect(client.systemSharedMemoryStatus({})).rejects.toMatchObject({ code: 'unimplemented' });
  });
});
