// Writes the ONNX files of this folder: `npm run build && node examples/model-repository/make-onnx.mjs`.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onnxFile } from '../../dist/libs/testing/src/onnx-file.js';

const value = (name, datatype, shape) => ({ name, datatype, shape });

const addSub = onnxFile({
  inputs: [value('INPUT0', 'FP32', ['N', 'W']), value('INPUT1', 'FP32', ['N', 'W'])],
  outputs: [value('OUTPUT0', 'FP32', ['N', 'W']), value('OUTPUT1', 'FP32', ['N', 'W'])],
  nodes: [
    { op: 'Add', inputs: ['INPUT0', 'INPUT1'], outputs: ['OUTPUT0'] },
    { op: 'Sub', inputs: ['INPUT0', 'INPUT1'], outputs: ['OUTPUT1'] },
  ],
});
writeFileSync(fileURLToPath(new URL('add_sub/1/model.onnx', import.meta.url)), addSub);
