// The state machines that are measured, as the services run them: the one place of the bench that reaches into services
// (test/tidy names it). All of it is pure.

export { driftFinding, endFinding } from '../../services/monitor/src/alarms/drift-event.js';
export { ProjectAlarms } from '../../services/monitor/src/alarms/project-alarms.js';
export { judgeQuality, judgeRows } from '../../services/monitor/src/judgement/judge.js';
export type { SubjectVerdict } from '../../services/monitor/src/judgement/verdict.js';
export { advance } from '../../services/trainer/src/loop/loop-advance.js';
export {
  initialLoopState,
  type LoopEffect,
  type LoopInput,
  type LoopPolicy,
  type LoopState,
} from '../../services/trainer/src/loop/loop-state.js';
export { rowChoices } from '../../services/trainer/src/loop/taught-rows.js';
