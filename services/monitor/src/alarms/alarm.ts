// The alarm of one subject (a feature, "@score", "@quality", "@software") of one cohort, fed once per tested window
// in the order of event time:
//
//   calm --alarm--> warning --alarm, `needed` windows in a row--> drift --quiet window--> calm
//
// With needed = 1 the first alarming window goes straight to drift. One episode (calm to drift to calm) is one drift
// event, however many windows it lasts. No clock: time is the window's.

export type AlarmPhase = 'calm' | 'warning' | 'drift';

export interface AlarmState {
  phase: AlarmPhase;
  /** Alarming windows in a row. */
  streak: number;
  /** Start of the first window of the streak or episode; 0 when calm. */
  sinceMs: number;
}

export type AlarmChange = 'none' | 'warned' | 'drifted' | 'calmed';

export const CALM: AlarmState = { phase: 'calm', streak: 0, sinceMs: 0 };

export function stepAlarm(
  state: AlarmState,
  alarming: boolean,
  windowStartMs: number,
  needed: number,
): { state: AlarmState; change: AlarmChange } {
  if (!alarming) return { state: CALM, change: state.phase === 'calm' ? 'none' : 'calmed' };
  const streak = state.streak + 1;
  const sinceMs = state.phase === 'calm' ? windowStartMs : state.sinceMs;
  if (state.phase === 'drift') return { state: { phase: 'drift', streak, sinceMs }, change: 'none' };
  if (streak >= needed) return { state: { phase: 'drift', streak, sinceMs }, change: 'drifted' };
  return { state: { phase: 'warning', streak, sinceMs }, change: state.phase === 'warning' ? 'none' : 'warned' };
}
