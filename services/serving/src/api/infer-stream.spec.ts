import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { inferencePb } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { encodeInferRequest, type InferResponse, type Parameters, Tensor } from '@millrace/inference';
import type { Answer } from '../models/infer-job.js';
import { InferStream, STREAM_IN_FLIGHT_MAX } from './infer-stream.js';

const request = (id: string, parameters: Parameters = {}) =>
  encodeInferRequest({ modelName: 'm', modelVersion: '', id, parameters, inputs: [], outputs: [] });
const response = (id: string, outputs = [Tensor.of('y', 'FP32', [1], [1])]): InferResponse => ({
  id,
  modelName: 'm',
  modelVersion: '1',
  parameters: {},
  outputs,
});

function open(asStatus = false) {
  const waiting = new Map<string, Answer>();
  const log: string[] = [];
  const cancelled: string[] = [];
  let takes = true;
  const stream = new InferStream(
    {
      infer: ({ id }, answer) => {
        waiting.set(id, answer);
        return { cancel: () => cancelled.push(id) };
      },
      write: (bytes) => {
        const { errorMessage, inferResponse } = fromBinary(inferencePb.ModelStreamInferResponseSchema, bytes);
        const final = inferResponse?.parameters.triton_final_response?.parameterChoice.value;
        log.push(`${inferResponse?.id}:${errorMessage || inferResponse?.outputs.length}:${final}`);
        return takes;
      },
      end: () => log.push('end'),
      fail: (error) => log.push(`fail ${error.code}`),
      pause: () => log.push('pause'),
      resume: () => log.push('resume'),
      allocate: (length) => new Uint8Array(length),
    },
    asStatus,
  );
  return { stream, waiting, log, cancelled, blocks: () => (takes = false) };
}

describe('ModelStreamInfer', () => {
  it('keeps the order of requests and ends after the last answer', () => {
    const { stream, waiting, log } = open();
    for (const id of ['a', 'b', 'c']) stream.message(request(id));
    waiting.get('b')!(undefined, response('b'), true);
    expect(log).toEqual([]);
    waiting.get('a')!(undefined, response('a'), true);
    stream.end();
    expect(log).toEqual(['a:1:true', 'b:1:true']);
    waiting.get('c')!(new PlatformError('internal', 'broken'), undefined, true);
    expect(log.slice(2)).toEqual(['c:broken:true', 'end']);
  });

  it('passes answers of a decoupled model on as they come, the empty last one only where it was asked for', () => {
    const { stream, waiting, log } = open();
    stream.message(request('slow'));
    stream.message(request('many'));
    stream.message(request('told', { triton_enable_empty_final_response: true }));
    for (const id of ['many', 'told']) {
      waiting.get(id)!(undefined, response(id), false);
      waiting.get(id)!(undefined, response(id, []), true);
    }
    expect(log).toEqual(['many:1:false', 'told:1:false', 'told:0:true']);
    waiting.get('slow')!(undefined, response('slow'), true);
    stream.end();
    expect(log.slice(3)).toEqual(['slow:1:true', 'end']);
  });

  it('answers bytes that are no request and goes on', () => {
    const { stream, waiting, log } = open();
    stream.message(Uint8Array.of(0xff, 0xff));
    stream.message(request('good'));
    waiting.get('good')!(undefined, response('good'), true);
    expect(log[0]).toMatch(/^:malformed message.*:true$/);
    expect(log[1]).toBe('good:1:true');
  });

  it('ends with a status at the first error where the caller set triton_grpc_error', () => {
    const { stream, waiting, log, cancelled } = open(true);
    stream.message(request('a'));
    stream.message(request('b'));
    waiting.get('b')!(new PlatformError('not_found', 'gone'), undefined, true);
    waiting.get('a')!(undefined, response('a'), true);
    expect(log).toEqual(['fail not_found']);
    expect(cancelled).toContain('a');
  });

  it('reads no further while too much is unanswered or unread', () => {
    const { stream, waiting, log, blocks } = open();
    for (let n = 0; n < STREAM_IN_FLIGHT_MAX; n++) stream.message(request(`${n}`));
    expect(log).toEqual(['pause']);
    blocks();
    waiting.get('0')!(undefined, response('0'), true);
    expect(log).toEqual(['pause', '0:1:true']);
    stream.drained();
    expect(log.at(-1)).toBe('resume');
  });

  it('cancels what waits when the caller goes away', () => {
    const { stream, waiting, log, cancelled } = open();
    stream.message(request('a'));
    stream.cancel();
    waiting.get('a')!(undefined, response('a'), true);
    expect(cancelled).toEqual(['a']);
    expect(log).toEqual([]);
  });
});
