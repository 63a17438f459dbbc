// A model repository for the wire suites: the examples of the project, and one echo model for each datatype of V2.

import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATATYPES } from '@millrace/inference';
import { cloneRoot } from '@millrace/testing';

export const ECHO_DATATYPES = DATATYPES;
export const echoOf = (datatype: string): string => `echo_${datatype.toLowerCase()}`;

/** One request at a time, each for SLOW_MS, with two priorities; version 1 is also `stable`. */
export const SLOW_MS = 200;
function writeSlow(folder: string): void {
  cpSync(join(folder, 'delay'), join(folder, 'slow'), { recursive: true });
  writeFileSync(
    join(folder, 'slow/config.pbtxt'),
    `name: "slow"
backend: "typescript"
max_batch_size: 1
input [ { name: "INPUT0" data_type: TYPE_FP32 dims: [ -1 ] } ]
output [ { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ -1 ] } ]
dynamic_batching {
  priority_levels: 2 default_priority_level: 2
  default_queue_policy { timeout_action: REJECT allow_timeout_override: true }
}
parameters { key: "delay_ms" value: { string_value: "${SLOW_MS}" } }
parameters { key: "version_labels" value: { string_value: "stable=1" } }
`,
  );
}

export function writeRepository(folder: string): string {
  cpSync(join(cloneRoot(), 'examples/model-repository'), folder, { recursive: true });
  writeSlow(folder);
  for (const datatype of DATATYPES) {
    const name = echoOf(datatype);
    mkdirSync(join(folder, name, '1'), { recursive: true });
    const type = datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
    writeFileSync(
      join(folder, name, 'config.pbtxt'),
      `name: "${name}"
backend: "typescript"
max_batch_size: 0
input [ { name: "X" data_type: ${type} dims: [ -1 ] } ]
output [ { name: "Y" data_type: ${type} dims: [ -1 ] } ]
`,
    );
    const tensor = (tensorName: string) => JSON.stringify({ name: tensorName, datatype, shape: [-1] });
    writeFileSync(
      join(folder, name, '1', 'model.js'),
      `export default () => ({
  inputs: [${tensor('X')}],
  outputs: [${tensor('Y')}],
  run: ({ X }) => ({ Y: { shape: X.shape, data: X.data } }),
});
`,
    );
  }
  return folder;
}
