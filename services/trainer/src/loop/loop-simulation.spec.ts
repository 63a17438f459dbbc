// Thousands of histories of one loop, its runner included, in which everything around it fails: seeded, so that one
// that fails can be looked at again.

import { beforeAll, describe, expect, it } from '@jest/globals';
import { primaryVersion } from '@millrace/routing';
import { historiesToRun } from '@millrace/testing';
import fc from 'fast-check';
import { history, project } from '../../test/loop-histories.js';
import { FINISH, SCRIPTS } from '../../test/loop-scripts.js';
import { LoopWorld, type Seen, type WorldEvent } from '../../test/loop-world.js';
import { PHASE_TERMS, TRANSITIONS } from './loop-table.js';

const HISTORIES = historiesToRun(2_000);
const TIMEOUT_MS = 60_000 + 30 * HISTORIES;
const STEP_MS = 900_000;
/** Longer than any phase that ends by itself. */
const SILENCE_MS = 26 * 3_600_000;

const keyOf = (from: string, on: string, to: string, begins: string): string =>
  `${from} --${on}--> ${to}${begins === '' ? '' : `, ${begins}`}`;

/** What the machine was seen to do. */
const made = new Set<string>();

function see({ from, input, to, effects, policy }: Seen): void {
  const begun = effects.filter((kind) => kind !== 'compare' && kind !== 'rollback');
  if (from.phase === to.phase && begun.length === 0) return;
  // Nothing of four eyes begins with two.
  if (input === 'approve' && begun.length > 0) {
    const key = from.phase === 'approval' ? `retraining ${from.episode?.id}` : `rollout ${from.waitingVersion}`;
    const people = new Set(to.approvals.filter((one) => one.key === key).map(({ by }) => by.trim().toLowerCase()));
    if (people.size < (policy.retrain.approvers ?? 1)) throw new Error(`${begun}: approved by ${[...people]}`);
  }
  made.add(keyOf(from.phase, input, to.phase, begun.join()));
}

/** Of one script, dying at this place; with what a run without a death does after it. */
async function played(script: readonly WorldEvent[], killAt: LoopWorld['killAt']): Promise<LoopWorld> {
  const world = await LoopWorld.of(project, true, see);
  world.operations = 0;
  world.killAt = killAt;
  for (const event of script) await world.does(event);
  world.scriptOperations = world.operations;
  for (let i = 0; i < 4; i++) for (const event of FINISH) await world.does(event);
  return world;
}

const crashes: string[] = [];
beforeAll(async () => {
  for (const [name, script] of Object.entries(SCRIPTS)) {
    const whole = await played(script, null);
    const outcome = ({ state, route }: LoopWorld) => `${state.phase}, version ${primaryVersion(route.targets)}`;
    for (const broken of whole.broken) crashes.push(`${name}: ${broken}`);
    for (let operation = 1; operation <= whole.scriptOperations; operation++)
      for (const when of ['before', 'after'] as const) {
        const world = await played(script, { operation, when });
        const where = `${name}, killed ${when} operation ${operation} of ${whole.scriptOperations}`;
        for (const broken of world.broken) crashes.push(`${where}: ${broken}`);
        if (outcome(world) !== outcome(whole)) crashes.push(`${where}: ${outcome(world)}, not ${outcome(whole)}`);
      }
  }
});

it('comes to the same, killed at every write and every effect', () => {
  expect(crashes).toEqual([]);
});

describe('a loop, whatever is lost, comes twice, is refused, is late, or dies', () => {
  beforeAll(async () => {
    await fc.assert(
      fc.asyncProperty(history, async ({ events, compacts, isAway }) => {
        const world = await LoopWorld.of(project, compacts, see);
        for (const event of events) {
          await world.does(event);
          if (world.broken.length > 0) throw new Error(world.broken.join('; '));
        }
        await outlasts(world, isAway);
      }),
      { seed: 1, numRuns: HISTORIES },
    );
  }, TIMEOUT_MS);

  it('does nothing that the table does not have', () => {
    const table = new Set(TRANSITIONS.map(({ from, on, to, begins }) => keyOf(from, on, to, begins)));
    expect([...made].filter((one) => !table.has(one))).toEqual([]);
  });

  it('does all that the table has', () => {
    const table = TRANSITIONS.map(({ from, on, to, begins }) => keyOf(from, on, to, begins));
    expect(table.filter((one) => !made.has(one))).toEqual([]);
  });
});

/**
 * From here on only time passes. `isAway`: receivers too.
 * @throws where a phase lasts longer than the table says (LoopWorld), or does not say what it waits for
 */
async function outlasts(world: LoopWorld, isAway: boolean): Promise<void> {
  if (isAway) {
    await world.does({ does: 'fault', of: 'training', fault: 'not done', times: Number.POSITIVE_INFINITY });
    await world.does({ does: 'fault', of: 'command', fault: 'not done', times: Number.POSITIVE_INFINITY });
  }
  for (const endMs = world.clock.passedMs + SILENCE_MS; world.clock.passedMs < endMs; ) {
    await world.does({ does: 'tick', ms: STEP_MS });
    if (world.broken.length > 0) throw new Error(world.broken.join('; '));
    const { phase } = world.state;
    const longestMs = PHASE_TERMS[phase].longestMs(project.retrain);
    if (longestMs === null && world.waits.for === '') throw new Error(`${phase} does not say what it waits for`);
  }
}
