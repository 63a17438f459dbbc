// A `models register` that failed told no next command.

import { expect, it } from '@jest/globals';
import { registerAgain } from './register-again.js';

it.each([
  ['my gb.onnx', { project: 'loans' }, "'my gb.onnx' --project loans"],
  [
    'gb.onnx',
    { project: 'loans', input: ['X=a,b', 'Z=c'], output: ['probability=p[1]'], reference: 'a.csv', unjudged: true },
    "gb.onnx --project loans --input X=a,b Z=c --output 'probability=p[1]' --reference a.csv --unjudged",
  ],
  [
    undefined,
    { project: 'loans', upstream: 'h:1', model: 'm', modelVersion: '3', dataset: ['a1', 'b2'] },
    '--project loans --dataset a1 b2 --upstream h:1 --model m --model-version 3',
  ],
])('%s has every option that was given', (path, options, told) =>
  expect(registerAgain(path, options)).toBe(`millrace models register ${told}`),
);
