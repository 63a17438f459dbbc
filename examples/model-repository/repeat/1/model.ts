// Answers once per element of IN; none for an empty IN. Stops when the caller has gone.

import { setTimeout } from 'node:timers/promises';

interface Inputs {
  IN: { data: Int32Array };
  DELAY?: { data: Uint32Array };
}

export default function repeat() {
  return {
    inputs: [
      { name: 'IN', datatype: 'INT32', shape: [-1] },
      { name: 'DELAY', datatype: 'UINT32', shape: [-1] },
    ],
    outputs: [
      { name: 'OUT', datatype: 'INT32', shape: [1] },
      { name: 'IDX', datatype: 'UINT32', shape: [1] },
    ],
    async *stream({ IN, DELAY }: Inputs, { signal }: { signal: AbortSignal }) {
      for (let i = 0; i < IN.data.length; i++) {
        const delayMs = DELAY?.data[i] ?? 0;
        if (delayMs > 0) await setTimeout(delayMs, undefined, { signal });
        yield {
          OUT: { shape: [1], data: IN.data.slice(i, i + 1) },
          IDX: { shape: [1], data: Uint32Array.of(i) },
        };
      }
    },
  };
}
