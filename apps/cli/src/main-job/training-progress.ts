// How far a training is, as a stage shows it.

import type { ControlClient } from '../client/control.http.js';
import type { Stage } from '../terminal/stage.js';

type Last = Awaited<ReturnType<ControlClient['training']>>['last'];

export function showSteps(stage: Stage, { step = 0, steps = 0, loss, rowsPerSecond }: Last): void {
  if (steps === 0) return;
  stage.progress(step, steps, `loss ${loss?.toFixed(4) ?? '-'}, ${Math.round(rowsPerSecond ?? 0)} rows/s`);
}
