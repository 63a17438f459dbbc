// null among the values of a tensor (JSON's, or a missing one of a file): taken as missing by models that know missing
// values, refused by the others.
// Only serving knows which model it is, and a tensor has no place for null; so the value becomes NaN (in a tensor of
// integers or flags, which then is one of FP64) or an empty text, and a parameter of the tensor says where the first
// was.

import type { Datatype } from './datatype.js';
import { type ElementValue, NO_PARAMETERS, type Parameters, Tensor } from './tensor.js';

/** Index of the first element that was null. */
const FIRST_NULL = 'first_null';

export const FLOATS: ReadonlySet<Datatype> = new Set(['FP64', 'FP32', 'FP16', 'BF16']);

interface WithoutNulls {
  datatype: Datatype;
  values: readonly ElementValue[];
  parameters: Parameters;
}

/** Throws invalid_argument where a value that is there is none of the datatype. */
export function tensorOfValues(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  values: readonly (ElementValue | null)[],
  parameters: Parameters = NO_PARAMETERS,
): Tensor {
  const first = values.indexOf(null);
  if (first < 0) return Tensor.of(name, datatype, shape, values as readonly ElementValue[], parameters);
  const stood = withoutNulls(datatype, values, first, parameters);
  return Tensor.of(name, stood.datatype, shape, stood.values, stood.parameters);
}

/** `first`: index of the first null among the values. */
function withoutNulls(
  datatype: Datatype,
  values: readonly (ElementValue | null)[],
  first: number,
  parameters: Parameters,
): WithoutNulls {
  const isText = datatype === 'BYTES';
  const stand = isText ? '' : Number.NaN;
  return {
    datatype: isText || FLOATS.has(datatype) ? datatype : 'FP64',
    values: values.map((value) => {
      if (value === null) return stand;
      return datatype === 'BOOL' && typeof value === 'boolean' ? Number(value) : value;
    }),
    parameters: Object.freeze({ ...parameters, [FIRST_NULL]: BigInt(first) }),
  };
}

export function hasNulls({ parameters }: Tensor): boolean {
  return parameters !== NO_PARAMETERS && parameters[FIRST_NULL] !== undefined;
}

/** The row of the first null, from 0. */
export function firstNullRow({ parameters, shape, count }: Tensor): number {
  const rows = shape[0] ?? 1;
  return Math.floor(Number(parameters[FIRST_NULL] ?? 0) / Math.max(1, count / Math.max(1, rows)));
}
