// The parameters of a request that the model itself may read: what is left without those that steer the way to the
// engine. Requests that share an engine call must agree in them. Nearly all requests have none: then nothing is
// allocated.

import { NO_PARAMETERS, type Parameters } from '@millrace/inference';

/** These steer the way to the engine, not its answer. Entity and event time may be read by a user's model. */
const NO_PART_OF_THE_ANSWER: ReadonlySet<string> = new Set([
  'priority',
  'timeout',
  'binary_data_output',
  'triton_enable_empty_final_response',
]);

/** NO_PARAMETERS itself where there are none. */
export function ownParameters(parameters: Parameters): Parameters {
  if (!hasOwn(parameters)) return NO_PARAMETERS;
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => !NO_PART_OF_THE_ANSWER.has(name)));
}

/** Equal for requests whose own parameters are equal, in any order; '' = none. */
export function ownParametersKey(parameters: Parameters): string {
  if (!hasOwn(parameters)) return '';
  const own = ownParameters(parameters);
  return JSON.stringify(
    Object.keys(own)
      .sort()
      .map((name) => [name, typeof own[name], String(own[name])]),
  );
}

function hasOwn(parameters: Parameters): boolean {
  if (parameters === NO_PARAMETERS) return false;
  for (const name in parameters) if (!NO_PART_OF_THE_ANSWER.has(name)) return true;
  return false;
}
