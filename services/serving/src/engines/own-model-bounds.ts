// The bounds of the process that runs somebody else's model: time, memory, and how often it comes again. A row that
// meets one ends its own request and, where the process dies of it, those of the same batch; nothing else.

import { ownModelDataBytesMax } from '@millrace/deployment';
import type { RestartLimits } from '@millrace/domain';
import { ENGINE_LIMITS, type EngineLimits } from './engine-client.js';
import { RESTARTS } from './engine-process.js';

/**
 * Never given up, for a registered version has nobody who loads it anew: after a few ends in a row it comes once a
 * minute, so that a row that is sent again and again costs the machine a start a minute.
 */
const OWN_RESTARTS: RestartLimits = {
  ...RESTARTS,
  maxDelayMs: 60_000,
  maxDeaths: Number.POSITIVE_INFINITY,
  maxDeathsUnready: Number.POSITIVE_INFINITY,
};

export interface OwnModelBounds {
  limits: EngineLimits;
  restarts: RestartLimits;
  dataBytesMax: number;
}

/** `filesBytes`: of the model's own files. */
export function ownModelBounds(
  settings: { ownModelCallMaxMs: number; ownModelMemoryBytes: number },
  filesBytes: number,
): OwnModelBounds {
  return {
    limits: { ...ENGINE_LIMITS, silenceMaxMs: settings.ownModelCallMaxMs },
    restarts: OWN_RESTARTS,
    dataBytesMax: ownModelDataBytesMax(settings, filesBytes),
  };
}
