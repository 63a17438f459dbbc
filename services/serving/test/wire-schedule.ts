// Part of the wire suite: how a request chooses a version by its label, and its place and time in the queue.

import { expect, it } from '@jest/globals';
import { decodeInferResponse, encodeInferRequest, type InferRequest, Tensor } from '@millrace/inference';
import type { HttpAnswer, RawGrpc } from './wire-client.js';
import { SLOW_MS } from './wire-repository.js';

const STATUS = { ok: 0, invalid: 3, unavailable: 14 };
const SLOW_JSON = { inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] };

function slowRequest(part: Partial<InferRequest>): Uint8Array {
  const inputs = [Tensor.of('INPUT0', 'FP32', [1, 2], [1, 2])];
  const request = { modelName: 'slow', modelVersion: '', id: '', parameters: {}, inputs, outputs: [] };
  return encodeInferRequest({ ...request, ...part });
}

export interface Wire {
  raw: RawGrpc;
  post(path: string, json: unknown): Promise<HttpAnswer>;
}

/** `wire` is asked for when the tests run. */
export function describeSchedule(wire: () => Wire): void {
  it('versions: by label, over gRPC and REST', async () => {
    const asked = (modelVersion: string) => slowRequest({ modelVersion });
    const { response } = await wire().raw.unary('ModelInfer', asked('stable'));
    expect(decodeInferResponse(response as Buffer).modelVersion).toBe('1');
    expect((await wire().raw.stream([asked('stable')])).answers[0]).toMatchObject({ error: '', outputs: 1 });
    const one = await wire().post('/v2/models/slow/versions/stable/infer', SLOW_JSON);
    expect([one.status, one.json().model_version]).toEqual([200, '1']);
    const flat = await wire().post('/v2/models/slow/versions/stable/generate', { INPUT0: 4 });
    expect(flat.json()).toMatchObject({ model_version: '1', OUTPUT0: 4 });
    expect((await wire().raw.unary('ModelInfer', asked('nobody'))).code).not.toBe(STATUS.ok);
    expect((await wire().post('/v2/models/slow/versions/nobody/infer', SLOW_JSON)).status).toBeGreaterThanOrEqual(400);
  });

  it('schedule policy: timeout is about the queue alone, priority about its order, over gRPC and REST', async () => {
    const slow = (part: Partial<InferRequest>) => wire().raw.unary('ModelInfer', slowRequest(part));
    const withTimeout = (parameters: object) => wire().post('/v2/models/slow/infer', { ...SLOW_JSON, parameters });
    // Half of the time that the model takes: the call may take longer than that, only its wait may not.
    const timeout = SLOW_MS * 500;
    expect((await withTimeout({ timeout })).status).toBe(200);
    expect((await slow({ parameters: { timeout: BigInt(timeout) } })).code).toBe(STATUS.ok);
    const ahead = Array.from({ length: 3 }, () => slow({}));
    const late = await Promise.all([slow({ parameters: { timeout: 20_000n } }), withTimeout({ timeout: 20_000 })]);
    expect(late).toMatchObject([
      { code: STATUS.unavailable, details: expect.stringMatching(/request timeout expired/) },
      { status: 503 },
    ]);
    await Promise.all(ahead);
    const order: string[] = [];
    const told = (name: string) => () => order.push(name);
    const first = slow({}).then(told('first'));
    const low = [slow({ parameters: { priority: 2n } }), withTimeout({ priority: 2 }), slow({})];
    const high = [slow({ parameters: { priority: 1n } }), withTimeout({ priority: 1 })];
    await Promise.all([
      first,
      ...low.map((one) => one.then(told('low'))),
      ...high.map((one) => one.then(told('high'))),
    ]);
    expect(order.lastIndexOf('high')).toBeLessThan(order.lastIndexOf('low'));
    expect(order.slice(-2)).toEqual(['low', 'low']);
    const wrong = [await slow({ parameters: { timeout: -1n } }), await slow({ parameters: { priority: 'x' } })];
    expect(wrong.map(({ code }) => code)).toEqual([STATUS.invalid, STATUS.invalid]);
    expect((await withTimeout({ timeout: 'x' })).status).toBe(400);
  });
}
