// OUTPUT0 = INPUT0 after delay_ms (a timer) and busy_ms (the thread asleep, so that nothing else in this process runs).

import { setTimeout } from 'node:timers/promises';

interface Facts {
  parameters: Readonly<Record<string, string>>;
}

function milliseconds(parameters: Facts['parameters'], key: string): number {
  const value = Number(parameters[key] ?? '0');
  if (value >= 0 && value <= 60_000) return value;
  throw new Error(`parameter '${key}' is '${parameters[key]}', expected 0 to 60000`);
}

export default function delay({ parameters }: Facts) {
  const delayMs = milliseconds(parameters, 'delay_ms');
  const busyMs = milliseconds(parameters, 'busy_ms');
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  return {
    inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [-1] }],
    outputs: [{ name: 'OUTPUT0', datatype: 'FP32', shape: [-1] }],
    async run({ INPUT0 }: { INPUT0: { shape: readonly number[]; data: Float32Array } }) {
      if (delayMs > 0) await setTimeout(delayMs);
      if (busyMs > 0) Atomics.wait(nobody, 0, 0, busyMs);
      return { OUTPUT0: { shape: INPUT0.shape, data: INPUT0.data } };
    },
  };
}
