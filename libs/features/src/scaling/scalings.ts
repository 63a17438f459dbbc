// Every scaling, in the order in which the project file's schema shows them. The first is the default.

import { logStandard } from './log-standard.js';
import { minMax } from './min-max.js';
import { none } from './none.js';
import type { Scaling } from './scaling.js';
import { standard } from './standard.js';

export const SCALINGS: readonly [Scaling, ...Scaling[]] = [standard, minMax, logStandard, none];

const byName = new Map<string, Scaling>(SCALINGS.map((scaling) => [scaling.name, scaling]));

export function scalingOf(name: string): Scaling | undefined {
  return byName.get(name);
}
