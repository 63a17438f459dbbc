// docs/the-loop.md, drawn from the table of the state machine (`npm run loop`). Pure.

import { LOOP_PHASES, type LoopPhase } from '@millrace/domain';
import { HELD_MS } from './held-clock.js';
import type { LoopInput } from './loop-state.js';
import { PHASE_TERMS, TRANSITIONS, type Transition } from './loop-table.js';

/** What brings an input, in a word or two. */
const INPUTS: Record<LoopInput['kind'], string> = {
  drift: 'drift',
  drift_ended: 'drift ends',
  dataset: 'rows',
  dataset_gone: 'rows deleted',
  training_failed: 'training fails',
  model: 'a version',
  quality: 'a window with labels',
  route: 'a route',
  compared: 'two versions compared',
  not_compared: 'two versions not compared',
  approve: 'approve',
  reject: 'reject',
  stop: 'stop',
  resume: 'resume',
  set_back: 'the clock set back',
  set_ahead: 'the clock set ahead',
  tick: 'time',
};

/** `says`: what each phase means to a person (libs/api). */
export function loopPage(says: Record<LoopPhase, string>): string {
  return `${[
    '# The loop',
    [
      'The state machine of a project’s closed loop, as [`loop-table.ts`](../services/trainer/src/loop/loop-table.ts) has it: made by',
      '`npm run loop`, and held against the machine itself by thousands of simulated histories, in which whatever there is gets lost, comes',
      'twice, is refused, is late, or dies (`loop-simulation.spec.ts`). What starts a retraining: [when to retrain](when-to-retrain.md).',
    ].join('\n'),
    ['```mermaid', 'stateDiagram-v2', '  [*] --> calm', ...arrows(), '```'].join('\n'),
    '## Phases',
    [
      '| phase | what it does | lasts at most | waits for |',
      '|---|---|---|---|',
      ...LOOP_PHASES.map((phase) => {
        const { longest, waitsFor } = PHASE_TERMS[phase];
        return `| \`${phase}\` | ${says[phase]} | ${longest} | ${waitsFor} |`;
      }),
    ].join('\n'),
    '## Transitions',
    [
      '| from | input | to | begins | when |',
      '|---|---|---|---|---|',
      ...TRANSITIONS.map(
        ({ from, on, to, begins, when }) =>
          `| \`${from}\` | ${INPUTS[on]} | \`${to}\` | ${begins === '' ? '' : `\`${begins}\``} | ${when} |`,
      ),
    ].join('\n'),
    [
      'Inputs that are not listed for a phase change it by nothing more than what is remembered: drift that is told meanwhile, rows, routes,',
      'a blessed version that has to wait. After `stop` nothing has an effect, also not what was under way: what a training of before it makes,',
      'or a version that was on its way, is left to a person, after `resume` too. With `retrain.policy: cost` a window with labels does from',
      '`calm` what time does.',
    ].join('\n'),
    [
      'How long a phase lasts is time that passes, whatever becomes of the clock on the wall. One that is set back while the trainer runs makes',
      'nothing wait for longer: times that are kept are set back with it, and the history says so. One that is set back while no trainer runs, or',
      'that is behind on the trainer that takes over, adds at most what it was set back by, once.',
    ].join('\n'),
    [
      `One that is ahead all at once by a second or more is not believed for ${HELD_MS / 3_600_000} h: the loop goes on by the time that passes, and where it is`,
      'corrected within it, nothing was there. One that stays ahead is believed then (a machine that slept; a clock that was behind and is set',
      'right): what was begun before ends sooner by as much, what was begun meanwhile does not, and the history says so. Where it is taken back later,',
      'by the same trainer, times from before it was set ahead stay as they are, and those since are set back with it. A trainer that begins',
      'believes the clock that it finds, also one that another trainer did not believe as yet.',
    ].join('\n'),
    [
      'When the question to people ends (`retrain.approvalExpires`) is a time of day that they were told, and stays that.',
    ].join('\n'),
    [
      'Beside the phases, and ended by `stop` and by the next version, runs the probation of the version in service',
      '([whether the new version stays](when-to-retrain.md#whether-the-new-version-stays)): it is in no phase and holds none up, and takes the',
      'version back from any of them but `rolling_out`. It has machine and tests of its own (`probation-steps.ts`).',
      'A rollback that the router has not taken after an hour is left to a person.',
    ].join('\n'),
  ].join('\n\n')}\n`;
}

/** One arrow for all ways between two phases. */
function arrows(): string[] {
  const between = new Map<string, Transition[]>();
  for (const one of TRANSITIONS) {
    const key = `  ${one.from} --> ${one.to}`;
    between.set(key, [...(between.get(key) ?? []), one]);
  }
  return [...between].map(([arrow, ways]) => `${arrow} : ${[...new Set(ways.map(({ on }) => INPUTS[on]))].join(', ')}`);
}
