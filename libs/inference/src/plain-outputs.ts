// The outputs of an answer for one row as plain JSON values by name. Readers of JSON take numbers for doubles: integers
// beyond 2^53 are written as texts.

import type { Tensor } from './tensor.js';

export function plainOutputs(outputs: readonly Tensor[]): Record<string, unknown> {
  return Object.fromEntries(
    outputs.map((tensor) => {
      const values = tensor.toValues().map((value) => (typeof value === 'bigint' ? plainInteger(value) : value));
      return [tensor.name, values.length === 1 ? values[0] : values];
    }),
  );
}

function plainInteger(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
