// The V2 protocol of one endpoint in front of wire-repository's models: every rpc and every REST path, every datatype,
// both forms of tensors, compression, streams, generate, settings, and what is refused and how. The same for serving
// and for the router.

import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GRPCInferenceService, Health, healthPb, inferencePb } from '@millrace/contracts';
import { createClient, type GrpcClient } from '@millrace/grpc';
import {
  type Datatype,
  decodeInferResponse,
  encodeInferRequest,
  type InferRequest,
  type Parameters,
  Tensor,
} from '@millrace/inference';
import { binaryBody, type HttpCall, http, RawGrpc } from './wire-client.js';
import { ECHO_DATATYPES, echoOf } from './wire-repository.js';
import { describeSchedule } from './wire-schedule.js';

const STATUS = { ok: 0, invalid: 3, notFound: 5, unimplemented: 12, unavailable: 14 };

/** Elements of every datatype at the ends of its range. */
const VALUES: Record<Datatype, (number | bigint | boolean | string)[]> = {
  BOOL: [true, false],
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  UINT64: [0n, 18_446_744_073_709_551_615n],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
  INT64: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
  FP16: [0.5, 65_504],
  BF16: [0.5, -2],
  FP32: [0.5, -1.25],
  FP64: [Math.PI, -1e300],
  BYTES: ['', 'Zürich — ✓'],
};

function inferRequest(modelName: string, inputs: Tensor[], part: Partial<InferRequest> = {}): InferRequest {
  return { modelName, modelVersion: '', id: '', parameters: {}, inputs, outputs: [], ...part };
}

const echo = (datatype: Datatype): Tensor => Tensor.of('X', datatype, [2], VALUES[datatype]);
const identity = (id: string, part: Partial<InferRequest> = {}) =>
  encodeInferRequest(inferRequest('identity', [Tensor.of('INPUT0', 'FP32', [1, 2], [1, 2])], { id, ...part }));
const repeat = (id: string, values: number[], parameters: Parameters = {}) =>
  encodeInferRequest(inferRequest('repeat', [Tensor.of('IN', 'INT32', [values.length], values)], { id, parameters }));
const IDENTITY_JSON = { inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] };

export interface Endpoint {
  http: string;
  /** host:port */
  grpc: string;
  /** URL of the metrics page. */
  metrics: string;
}

/** `endpoint` is asked for when the tests run. */
export function describeWire(name: string, endpoint: () => Endpoint): void {
  describe(`the V2 protocol of ${name}`, () => {
    let raw: RawGrpc;
    let api: GrpcClient<typeof GRPCInferenceService>;
    const rest = (path: string, call: HttpCall = {}) => http(endpoint().http, path, call);
    const post = (path: string, json: unknown, headers: Record<string, string> = {}) =>
      rest(path, { method: 'POST', headers, body: typeof json === 'string' ? json : JSON.stringify(json) });

    beforeAll(() => {
      raw = new RawGrpc(endpoint().grpc);
      api = createClient(GRPCInferenceService, endpoint().grpc);
    });

    afterAll(() => {
      raw?.close();
      api?.close();
    });

    it('states its extensions, and has every model of the folder ready', async () => {
      const { extensions } = await api.serverMetadata({});
      expect(extensions).toEqual(
        expect.arrayContaining(['classification', 'sequence', 'binary_tensor_data', 'statistics', 'trace', 'logging']),
      );
      const { models } = await api.repositoryIndex({});
      expect(models.filter(({ state }) => state !== 'READY')).toEqual([]);
      expect(models.length).toBeGreaterThanOrEqual(6 + ECHO_DATATYPES.length);
    });

    it('has every rpc of the service; only shared memory is UNIMPLEMENTED', async () => {
      for (const method of GRPCInferenceService.methods) {
        if (method.methodKind !== 'unary') continue;
        const { code, details } = await raw.unary(method.name, new Uint8Array(0));
        if (method.name.includes('SharedMemory')) {
          expect([method.name, code, details]).toEqual([
            method.name,
            STATUS.unimplemented,
            expect.stringMatching(/shared memory is not supported/),
          ]);
        } else expect([method.name, code]).not.toEqual([method.name, STATUS.unimplemented]);
      }
    });

    it('answers health of the server, of the service, and of none', async () => {
      const health = createClient(Health, endpoint().grpc);
      const { SERVING } = healthPb.HealthCheckResponse_ServingStatus;
      for (const service of ['', GRPCInferenceService.typeName]) {
        expect((await health.check({ service })).status).toBe(SERVING);
      }
      await expect(health.check({ service: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
      expect((await health.list({})).statuses['']?.status).toBe(SERVING);
      health.close();
    });

    describe.each(ECHO_DATATYPES)('%s', (datatype) => {
      it('travels raw over gRPC', async () => {
        const { response } = await raw.unary(
          'ModelInfer',
          encodeInferRequest(inferRequest(echoOf(datatype), [echo(datatype)])),
        );
        const [output] = decodeInferResponse(response as Buffer).outputs;
        expect([output?.datatype, output?.shape, output?.toValues()]).toEqual([datatype, [2], VALUES[datatype]]);
      });

      it('travels as binary over REST', async () => {
        const bytes = echo(datatype).rawBytes();
        const answer = await rest(`/v2/models/${echoOf(datatype)}/infer`, {
          method: 'POST',
          ...binaryBody(
            {
              inputs: [{ name: 'X', datatype, shape: [2], parameters: { binary_data_size: bytes.length } }],
              outputs: [{ name: 'Y', parameters: { binary_data: true } }],
            },
            bytes,
          ),
        });
        expect(answer.status).toBe(200);
        const length = Number(answer.headers['inference-header-content-length']);
        const [output] = JSON.parse(answer.body.subarray(0, length).toString()).outputs;
        expect(output).toEqual({ name: 'Y', datatype, shape: [2], parameters: { binary_data_size: bytes.length } });
        expect(answer.body.subarray(length)).toEqual(Buffer.from(bytes));
      });

      const binaryOnly = datatype === 'FP16' || datatype === 'BF16';
      it(binaryOnly ? 'has no typed contents' : 'travels as typed contents and as JSON', async () => {
        const answer = await raw.unary('ModelInfer', typedRequest(datatype));
        if (binaryOnly) {
          expect([answer.code, answer.details]).toEqual([STATUS.invalid, expect.stringMatching(/raw_input_contents/)]);
          return;
        }
        expect(decodeInferResponse(answer.response as Buffer).outputs[0]?.toValues()).toEqual(VALUES[datatype]);
        const data = VALUES[datatype].map((value) =>
          typeof value === 'bigint' ? String(value) : JSON.stringify(value),
        );
        const json = await post(
          `/v2/models/${echoOf(datatype)}/infer`,
          `{"inputs":[{"name":"X","datatype":"${datatype}","shape":[2],"data":[${data.join(',')}]}]}`,
        );
        expect(json.status).toBe(200);
        expect(json.body.toString()).toContain(`"data":[${data.join(',')}]`);
      });
    });

    function typedRequest(datatype: Datatype): Uint8Array {
      const values = VALUES[datatype];
      const contents: Record<string, unknown> = {
        BOOL: { boolContents: values },
        INT64: { int64Contents: values },
        UINT64: { uint64Contents: values },
        FP32: { fp32Contents: values },
        FP64: { fp64Contents: values },
        BYTES: { bytesContents: values.map((value) => Buffer.from(String(value))) },
        FP16: { fp32Contents: values },
        BF16: { fp32Contents: values },
      };
      const integers = datatype.startsWith('U') ? { uintContents: values } : { intContents: values };
      return toBinary(
        inferencePb.ModelInferRequestSchema,
        create(inferencePb.ModelInferRequestSchema, {
          modelName: echoOf(datatype),
          inputs: [{ name: 'X', datatype, shape: [2n], contents: (contents[datatype] ?? integers) as object }],
        }),
      );
    }

    it('refuses typed contents beside raw ones, and tensors in shared memory', async () => {
      const both = create(inferencePb.ModelInferRequestSchema, {
        modelName: 'identity',
        inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1n, 1n], contents: { fp32Contents: [1] } }],
        rawInputContents: [new Uint8Array(4)],
      });
      expect(await raw.unary('ModelInfer', toBinary(inferencePb.ModelInferRequestSchema, both))).toMatchObject({
        code: STATUS.invalid,
        details: expect.stringMatching(/contents field must not be specified/),
      });
      const region = { parameterChoice: { case: 'stringParam', value: 'region' } as const };
      const shared = create(inferencePb.ModelInferRequestSchema, {
        modelName: 'identity',
        inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1n, 1n], parameters: { shared_memory_region: region } }],
      });
      expect(await raw.unary('ModelInfer', toBinary(inferencePb.ModelInferRequestSchema, shared))).toMatchObject({
        code: STATUS.unimplemented,
      });
      const json = {
        ...IDENTITY_JSON.inputs[0],
        parameters: { shared_memory_region: 'region', shared_memory_byte_size: 8 },
      };
      expect((await post('/v2/models/identity/infer', { inputs: [json] })).status).toBe(501);
    });

    describe('streams', () => {
      it('answer in the order of requests, each with its id and the mark of a last answer', async () => {
        const ids = Array.from({ length: 50 }, (_, n) => `s${n}`);
        const { answers, code } = await raw.stream(ids.map((id) => identity(id)));
        expect(code).toBe(STATUS.ok);
        expect(answers.map(({ id }) => id)).toEqual(ids);
        for (const answer of answers) expect([answer.error, answer.outputs, answer.final]).toEqual(['', 1, true]);
      });

      it('say what is wrong with one request and go on', async () => {
        const { answers, code } = await raw.stream([
          identity('bad', { modelName: 'nobody' }),
          Buffer.from([0xff]),
          identity('good'),
        ]);
        expect(code).toBe(STATUS.ok);
        expect(answers.map(({ id, error }) => [id, error === ''])).toEqual([
          ['bad', false],
          ['', false],
          ['good', true],
        ]);
        expect(answers[0]?.error).toMatch(/unknown model: 'nobody'/);
      });

      it('end with a status at the first error where triton_grpc_error is set', async () => {
        const failed = await raw.stream([identity('bad', { modelName: 'nobody' })], { triton_grpc_error: 'true' });
        expect([failed.code, failed.answers]).toEqual([STATUS.notFound, []]);
      });

      it('carry the many answers of a decoupled model, the empty last one only on request', async () => {
        const { answers } = await raw.stream([repeat('quiet', [7, 8, 9])]);
        expect(answers.filter(({ outputs }) => outputs > 0)).toHaveLength(3);
        const values = answers.map(({ response }) =>
          Buffer.from(response?.rawOutputContents[0] as Uint8Array).readInt32LE(),
        );
        expect(values).toEqual([7, 8, 9]);
        const told = await raw.stream([repeat('told', [7], { triton_enable_empty_final_response: true })]);
        expect(told.answers.map(({ id, outputs, final }) => [id, outputs, final])).toEqual([
          ['told', 2, false],
          ['told', 0, true],
        ]);
      });

      it('alone answer a decoupled model', async () => {
        expect(await raw.unary('ModelInfer', repeat('one', [1]))).toMatchObject({
          code: STATUS.unimplemented,
          details: expect.stringMatching(/ModelStreamInfer/),
        });
        const json = { inputs: [{ name: 'IN', datatype: 'INT32', shape: [1], data: [1] }] };
        expect((await post('/v2/models/repeat/infer', json)).status).toBe(501);
      });
    });

    describe('generate', () => {
      it('takes flat JSON and gives flat JSON', async () => {
        const answer = await post('/v2/models/string/generate', { INPUT0: '40', INPUT1: '2', id: 'one' });
        expect(answer.json()).toEqual({
          id: 'one',
          model_name: 'string',
          model_version: '1',
          OUTPUT0: '42',
          OUTPUT1: '38',
        });
        const many = await post('/v2/models/repeat/generate', { IN: [1, 2] });
        expect([many.status, many.json().error]).toEqual([500, expect.stringMatching(/exactly 1 response/)]);
        expect((await post('/v2/models/repeat/generate', { IN: 5 })).json()).toMatchObject({ OUT: 5, IDX: 0 });
      });

      it('streams server-sent events', async () => {
        const answer = await post('/v2/models/repeat/generate_stream', { IN: [4, 5, 6] });
        expect(answer.headers['content-type']).toMatch(/^text\/event-stream/);
        const events = answer.body.toString().split('\n\n').filter(Boolean);
        expect(events.map((event) => JSON.parse(event.replace(/^data: /, '')).OUT)).toEqual([4, 5, 6]);
        expect((await post('/v2/models/identity/generate_stream', { INPUT0: [1, 2] })).body.toString()).toMatch(
          /^data: \{.*"OUTPUT0":\[1,2\]\}\n\n$/,
        );
      });

      it.each([
        ['an unknown key', { IN: [1], other: [1] }, 400],
        ['nested values', { IN: [[1]] }, 400],
        ['no JSON', 'nonsense', 400],
      ])('refuses %s before it begins', async (_what, json, status) => {
        const answer = await post('/v2/models/repeat/generate_stream', json);
        expect([answer.status, typeof answer.json().error]).toEqual([status, 'string']);
      });
    });

    describe('REST', () => {
      it('answers a wrong method with 405 and what is allowed', async () => {
        const paths: [string, string][] = [
          ['/v2', 'GET, HEAD'],
          ['/v2/health/live', 'GET, HEAD'],
          ['/v2/models/stats', 'GET, HEAD'],
          ['/v2/models/identity', 'GET, HEAD'],
          ['/v2/models/identity/versions/1/config', 'GET, HEAD'],
          ['/v2/models/identity/infer', 'POST'],
          ['/v2/models/identity/generate_stream', 'POST'],
          ['/v2/repository/index', 'POST'],
          ['/v2/repository/models/identity/load', 'POST'],
          ['/v2/logging', 'GET, HEAD, POST'],
        ];
        for (const [path, allowed] of paths) {
          const answer = await rest(path, { method: 'DELETE' });
          expect([path, answer.status, answer.headers.allow]).toEqual([path, 405, allowed]);
          expect(answer.json().error).toMatch(/DELETE/);
        }
        expect((await rest('/v2/models/identity/infer')).status).toBe(405);
      });

      it.each([
        ['/v2/nowhere', 404],
        ['/v2/models/nobody', 404],
        ['/v2/models/nobody/config', 404],
        ['/v2/models/nobody/stats', 404],
        ['/v2/models/identity/versions/99', 404],
        ['/v2/models/identity/versions/x', 400],
        ['/v2/systemsharedmemory/status', 501],
        ['/v2/cudasharedmemory/region/r/status', 501],
        ['/v2/models/nobody/trace/setting', 404],
      ])('GET %s is %i with an error body', async (path, status) => {
        const answer = await rest(path);
        expect([answer.status, typeof answer.json().error]).toEqual([status, 'string']);
      });

      it.each([
        ['gzip', gzipSync, gunzipSync],
        ['deflate', deflateSync, inflateSync],
      ])('takes and gives %s, with the header length of the plain body', async (coding, pack, unpack) => {
        const data = new Float32Array(4096).fill(0.25);
        const bytes = new Uint8Array(data.buffer);
        const { headers, body } = binaryBody(
          {
            parameters: { binary_data_output: true },
            inputs: [
              { name: 'INPUT0', datatype: 'FP32', shape: [1, 4096], parameters: { binary_data_size: bytes.length } },
            ],
          },
          bytes,
        );
        const answer = await rest('/v2/models/identity/infer', {
          method: 'POST',
          headers: { ...headers, 'content-encoding': coding, 'accept-encoding': coding },
          body: pack(body),
        });
        expect([answer.status, answer.headers['content-encoding']]).toEqual([200, coding]);
        const plain = unpack(answer.body);
        const length = Number(answer.headers['inference-header-content-length']);
        expect(JSON.parse(plain.subarray(0, length).toString()).outputs[0].shape).toEqual([1, 4096]);
        expect(plain.subarray(length)).toEqual(Buffer.from(bytes));
      });

      it.each([
        [
          'a bomb',
          { 'content-encoding': 'gzip' },
          gzipSync(Buffer.alloc(64 * 1024 * 1024)),
          /more than 16777216 bytes/,
        ],
        ['no gzip', { 'content-encoding': 'gzip' }, Buffer.from('{}'), /cannot be read/],
        ['an unknown coding', { 'content-encoding': 'br' }, Buffer.from('{}'), /'br' is not gzip or deflate/],
        ['a header length of words', { 'inference-header-content-length': 'ten' }, Buffer.from('{}'), /'ten'/],
        ['a negative header length', { 'inference-header-content-length': '-1' }, Buffer.from('{}'), /'-1'/],
        ['an empty header length', { 'inference-header-content-length': '' }, Buffer.from('{}'), /no whole number/],
        [
          'a header length past the end',
          { 'inference-header-content-length': '99' },
          Buffer.from('{}'),
          /does not fit/,
        ],
        ['a header length inside the JSON', { 'inference-header-content-length': '1' }, Buffer.from('{}'), /parse/],
        ['JSON that is cut off', {}, Buffer.from('{"inputs":['), /parse/],
        ['bytes that are no UTF-8', {}, Buffer.from([0x7b, 0xff, 0x7d]), /parse/],
        ['a list', {}, Buffer.from('[]'), /must be a JSON object/],
        ['an empty body', {}, Buffer.alloc(0), /parse/],
      ] as [string, Record<string, string>, Buffer, RegExp][])('refuses %s', async (_what, headers, body, reason) => {
        const answer = await rest('/v2/models/identity/infer', { method: 'POST', headers, body });
        expect([answer.status, answer.json().error]).toEqual([400, expect.stringMatching(reason)]);
      });

      it('takes the raw form of a model with one input', async () => {
        const bytes = Buffer.from(new Float32Array([1.5, -2]).buffer);
        const raw0 = { 'inference-header-content-length': '0' };
        const answer = await rest('/v2/models/identity/infer', { method: 'POST', headers: raw0, body: bytes });
        const length = Number(answer.headers['inference-header-content-length']);
        expect(JSON.parse(answer.body.subarray(0, length).toString()).outputs[0]).toMatchObject({ shape: [1, 2] });
        expect(answer.body.subarray(length)).toEqual(bytes);
        const text = await rest(`/v2/models/${echoOf('BYTES')}/infer`, {
          method: 'POST',
          headers: raw0,
          body: 'hello',
        });
        expect(text.body.subarray(-9)).toEqual(Buffer.from('\u0005\0\0\0hello'));
        const two = await rest('/v2/models/add_sub/infer', { method: 'POST', headers: raw0, body: bytes });
        expect([two.status, two.json().error]).toEqual([400, expect.stringMatching(/one input/)]);
      });

      it('gives single outputs as JSON or binary, as asked', async () => {
        const input = (name: string) => ({ name, datatype: 'FP32', shape: [1, 2], data: [3, 1] });
        const answer = await post('/v2/models/add_sub/infer', {
          parameters: { binary_data_output: true },
          inputs: [input('INPUT0'), input('INPUT1')],
          outputs: [{ name: 'OUTPUT1', parameters: { binary_data: false } }, { name: 'OUTPUT0' }],
        });
        const length = Number(answer.headers['inference-header-content-length']);
        const { outputs } = JSON.parse(answer.body.subarray(0, length).toString());
        const byName = Object.fromEntries(outputs.map((output: { name: string }) => [output.name, output]));
        expect(byName.OUTPUT1).toMatchObject({ data: [0, 0] });
        expect(byName.OUTPUT0).toMatchObject({ parameters: { binary_data_size: 8 } });
        expect(answer.body.readFloatLE(length)).toBe(6);
      });
    });

    describe('extensions', () => {
      it('classification: the largest values with their index', async () => {
        const x = Tensor.of('INPUT0', 'FP32', [1, 4], [0.1, 0.7, 0.2, 0.4]);
        const request = inferRequest('identity', [x], {
          outputs: [{ name: 'OUTPUT0', parameters: { classification: 2n } }],
        });
        const { response } = await raw.unary('ModelInfer', encodeInferRequest(request));
        const [output] = decodeInferResponse(response as Buffer).outputs;
        expect([output?.datatype, output?.shape]).toEqual(['BYTES', [1, 2]]);
        expect(output?.texts().map((text) => text.split(':')[1])).toEqual(['1', '3']);
      });

      describeSchedule(() => ({ raw, post }));

      it('sequence: one sum for each, over gRPC and REST', async () => {
        const step = (value: number, parameters: Parameters) =>
          raw.unary(
            'ModelInfer',
            encodeInferRequest(
              inferRequest('accumulator', [Tensor.of('INPUT', 'INT32', [1, 1], [value])], { parameters }),
            ),
          );
        const value = ({ response }: { response: Buffer | undefined }) =>
          decodeInferResponse(response as Buffer).outputs[0]?.number(0);
        expect(value(await step(1, { sequence_id: 7n, sequence_start: true }))).toBe(1);
        expect(value(await step(10, { sequence_id: 'other', sequence_start: true }))).toBe(10);
        const json = {
          parameters: { sequence_id: 7, sequence_end: true },
          inputs: [{ name: 'INPUT', datatype: 'INT32', shape: [1, 1], data: [4] }],
        };
        expect((await post('/v2/models/accumulator/infer', json)).json().outputs[0].data).toEqual([5]);
        expect((await step(1, {})).code).toBe(STATUS.invalid);
      });

      it('configuration: the same in gRPC and REST, with numbers as numbers', async () => {
        const { config } = await api.modelConfig({ name: 'repeat' });
        expect(config).toMatchObject({ name: 'repeat', maxBatchSize: 0, modelTransactionPolicy: { decoupled: true } });
        const json = (await rest('/v2/models/add_sub/config')).json();
        expect(json).toMatchObject({
          name: 'add_sub',
          max_batch_size: 64,
          input: [{ name: 'INPUT0', data_type: 'TYPE_FP32', dims: [-1] }, { name: 'INPUT1' }],
          dynamic_batching: { preferred_batch_size: [8, 32], max_queue_delay_microseconds: 0 },
        });
        expect((await rest('/v2/models/accumulator/config')).json().sequence_batching).toMatchObject({
          max_sequence_idle_microseconds: 5_000_000,
        });
      });

      it('statistics: every phase of every model', async () => {
        await raw.unary('ModelInfer', identity('counted'));
        const { model_stats: models } = (await rest('/v2/models/identity/stats')).json();
        expect(models).toHaveLength(1);
        const [one] = models;
        for (const phase of ['success', 'queue', 'compute_input', 'compute_infer', 'compute_output']) {
          expect([phase, one.inference_stats[phase].count]).not.toEqual([phase, 0]);
        }
        for (const phase of ['fail', 'cache_hit', 'cache_miss']) expect(one.inference_stats[phase]).toMatchObject({});
        expect(one.inference_count).toBeGreaterThanOrEqual(one.execution_count);
        expect(one.last_inference).toBeGreaterThan(0);
        expect(one.batch_stats[0]).toMatchObject({ batch_size: expect.any(Number) });
        const all = await api.modelStatistics({});
        expect(all.modelStats.length).toBe((await rest('/v2/models/stats')).json().model_stats.length);
        await raw.stream([repeat('counted', [1, 2])]);
        const { modelStats } = await api.modelStatistics({ name: 'repeat' });
        expect(Number(modelStats[0]?.responseStats['0']?.success?.count)).toBeGreaterThan(0);
      });

      it("metrics: Triton's names", async () => {
        const text = (await http(endpoint().metrics, '')).body.toString();
        for (const name of [
          'nv_inference_request_success',
          'nv_inference_request_failure',
          'nv_inference_count',
          'nv_inference_exec_count',
          'nv_inference_pending_request_count',
          'nv_inference_request_duration_us',
          'nv_inference_queue_duration_us',
          'nv_inference_compute_input_duration_us',
          'nv_inference_compute_infer_duration_us',
          'nv_inference_compute_output_duration_us',
          'nv_inference_request_summary_us',
          'nv_inference_queue_summary_us',
          'nv_inference_first_response_histogram_ms',
        ]) {
          expect(text).toMatch(new RegExp(`^# TYPE ${name} `, 'm'));
        }
        expect(text).toMatch(/nv_inference_request_failure\{model="identity",version="1",reason="REJECTED"\} \d/);
      });

      it('logging: switches the levels of the running process', async () => {
        const before = (await rest('/v2/logging')).json();
        expect(before).toMatchObject({ log_info: true, log_error: true, log_verbose_level: 0 });
        expect((await post('/v2/logging', { log_info: false })).json()).toMatchObject({ log_info: false });
        const { settings } = await api.logSettings({});
        expect(settings.log_info?.parameterChoice).toEqual({ case: 'boolParam', value: false });
        await api.logSettings({ settings: { log_info: { parameterChoice: { case: 'boolParam', value: true } } } });
        expect((await rest('/v2/logging')).json()).toEqual(before);
        const wrong = await post('/v2/logging', { log_file: '/tmp/x', nonsense: 1 });
        expect(wrong.status).toBe(400);
      });

      it('trace: a rate, a count, settings of one model', async () => {
        const on = await post('/v2/models/identity/trace/setting', { trace_level: ['TIMESTAMPS'], trace_rate: '2' });
        expect(on.json()).toMatchObject({ trace_level: ['TIMESTAMPS'], trace_rate: '2', trace_count: '-1' });
        expect((await rest('/v2/trace/setting')).json()).toMatchObject({ trace_level: ['OFF'] });
        expect((await raw.unary('ModelInfer', identity('traced'))).code).toBe(STATUS.ok);
        const { settings } = await api.traceSetting({ modelName: 'identity' });
        expect(settings.trace_rate?.value).toEqual(['2']);
        const off = await post('/v2/models/identity/trace/setting', { trace_level: null, trace_rate: null });
        expect(off.json()).toMatchObject({ trace_level: ['OFF'], trace_rate: '1000' });
        expect((await post('/v2/trace/setting', { trace_file: '/tmp/x' })).status).toBe(400);
        await expect(api.traceSetting({ modelName: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
      });

      it('repository: unload and load again, by gRPC and by REST, with parameters', async () => {
        await api.repositoryModelUnload({ modelName: 'delay' });
        expect((await rest('/v2/models/delay/ready')).status).toBe(400);
        expect((await raw.unary('ModelInfer', identity('x', { modelName: 'delay' }))).code).not.toBe(STATUS.ok);
        const ready = (await post('/v2/repository/index', { ready: true })).json() as { name: string }[];
        expect(ready.map(({ name }) => name)).not.toContain('delay');
        expect((await post('/v2/repository/models/delay/load', '')).status).toBe(200);
        expect((await rest('/v2/models/delay/ready')).status).toBe(200);
        const model = Buffer.from(
          `export default () => ({
          inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [-1] }],
          outputs: [{ name: 'OUTPUT0', datatype: 'FP32', shape: [-1] }],
          run: ({ INPUT0 }) => ({ OUTPUT0: { shape: INPUT0.shape, data: INPUT0.data.map((x) => 2 * x) } }),
        });`,
        );
        const tensor = (name: string) => ({ name, data_type: 'TYPE_FP32', dims: [-1] });
        const config = {
          name: 'sent',
          backend: 'typescript',
          max_batch_size: 4,
          input: [tensor('INPUT0')],
          output: [tensor('OUTPUT0')],
        };
        const loaded = await post('/v2/repository/models/sent/load', {
          parameters: { config: JSON.stringify(config), 'file:3/model.js': model.toString('base64') },
        });
        expect([loaded.status, loaded.body.toString()]).toEqual([200, '']);
        const answer = await post('/v2/models/sent/infer', IDENTITY_JSON);
        expect(answer.json()).toMatchObject({ model_version: '3', outputs: [{ data: [2, 4] }] });
        await expect(api.repositoryModelLoad({ modelName: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
        expect((await post('/v2/repository/models/sent/load', { parameters: { nonsense: 1 } })).status).toBe(400);
        expect(
          (await post('/v2/repository/models/sent/unload', { parameters: { unload_dependents: true } })).status,
        ).toBe(200);
        expect((await rest('/v2/models/sent/ready')).status).toBe(400);
      });
    });
  });
}
