// The phases of a project's closed loop: what the trainer's state machine goes through, and what its API, the monitor
// and the command tell of it.

export const LOOP_PHASES = ['calm', 'settling', 'approval', 'training', 'rolling_out', 'cooling', 'stopped'] as const;
export type LoopPhase = (typeof LOOP_PHASES)[number];
