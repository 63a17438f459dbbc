import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { inferencePb } from '@millrace/contracts';
import { withRequestId } from './request-id.js';

describe('the ids of requests that brought none', () => {
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
