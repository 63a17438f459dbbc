import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { inferencePb } from '@millrace/contracts';
import { seededRng } from '@millrace/domain';
import { RequestIds, withRequestId } from './request-id.js';

describe('request ids', () => {
  it('differ within a run and between runs', () => {
    const first = new RequestIds(seededRng(1));
    const second = new RequestIds(seededRng(2));
    expect(new Set([first.next(), first.next(), second.next(), second.next()]).size).toBe(4);
  });

  it('are what a decoder reads, with everything else as it was', () => {
    const schema = inferencePb.ModelInferRequestSchema;
    const request = create(schema, { modelName: 'm', id: '', rawInputContents: [new Uint8Array([1, 2])] });
    const named = withRequestId(toBinary(schema, request), 'abc-1', (size) => new Uint8Array(size));
    expect(fromBinary(schema, named)).toMatchObject({
      modelName: 'm',
      id: 'abc-1',
      rawInputContents: request.rawInputContents,
    });
  });
});
