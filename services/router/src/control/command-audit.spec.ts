import { expect, it } from '@jest/globals';
import type { Command } from '@millrace/contracts';
import { emptyRoute, type RouteAction } from '@millrace/routing';
import { CommandAudit, type Trail } from './command-audit.js';

const command = (action: RouteAction, over: Partial<Command> = {}): Command & { action: RouteAction } => ({
  ...{ id: 'c-1', project: 'p', issuedBy: 'ada', issuedAtMs: 1, expectedRevision: 4, correlationId: 'k' },
  ...{ reason: 'slow', tool: 'cli', address: '10.0.0.7' },
  ...over,
  action,
});
const ROUTE = {
  ...emptyRoute('p'),
  ...{ revision: 5, reason: 'slow', targets: [{ version: 1, weight: 100, name: 'blue' }], recentCommandIds: ['c-1'] },
  rollout: { phase: 'failed' as const, version: 2, message: 'aborted by ada: slow' },
};

function anAudit() {
  const noted: Parameters<Trail['note']>[0][] = [];
  const audit = new CommandAudit({ note: (done) => void noted.push(done), settled: async () => undefined });
  return { audit, noted };
}

it('says of a command who gave it from where and why, and what came of it', () => {
  const { audit, noted } = anAudit();
  audit.decided(command({ kind: 'abort', version: 2 }), { kind: 'applied', route: ROUTE, switch: null });
  audit.decided(command({ kind: 'advance', version: 0 }), {
    ...{ kind: 'rejected', reason: 'paused', message: 'the rollout is paused', route: ROUTE },
  });
  expect(noted).toEqual([
    {
      ...{ id: 'c-1', project: 'p', who: 'ada', tool: 'cli', address: '10.0.0.7', action: 'route.abort' },
      ...{ subject: 'version 2', reason: 'slow', result: 'applied', correlationId: 'k' },
      detail: 'revision 5: version 1 100 %; rollout of version 2 failed: aborted by ada: slow',
    },
    expect.objectContaining({ action: 'route.advance', subject: 'the route', result: 'refused' }),
  ]);
  expect(noted[1]?.detail).toBe('the rollout is paused');
});

it('keeps no refusal of the router’s own word: its step had done the same before, and nobody was refused', () => {
  const { audit, noted } = anAudit();
  audit.refused(command({ kind: 'abort', version: 2 }, { issuedBy: 'the analysis', tool: 'router' }), 'it is 5');
  expect(noted).toEqual([]);
});

it.each<[RouteAction, string, string]>([
  [{ kind: 'startRollout', version: 3 }, 'route.start-rollout', 'version 3'],
  [{ kind: 'startRollout', version: 3, force: true }, 'route.force-rollout', 'version 3'],
  [{ kind: 'setShadows', versions: [3, 4], share: 10 }, 'route.set-shadows', 'version 3, 4'],
  [{ kind: 'setWeights', weights: [{ version: 1, weight: 100 }] }, 'route.set-weights', 'version 1 100 %'],
  [{ kind: 'rollback' }, 'route.rollback', 'the route'],
  [{ kind: 'endExperiment', name: '', winner: 0 }, 'route.end-experiment', 'the experiment'],
  [{ kind: 'endExperiment', name: 'prices', winner: 0 }, 'route.end-experiment', 'experiment prices'],
])('names %j', (action, name, subject) => {
  const { audit, noted } = anAudit();
  audit.refused(command(action), 'no');
  expect(noted[0]).toMatchObject({ action: name, subject, detail: 'no' });
});

it('names nobody where nobody said a name: the loop, a program', () => {
  const { audit, noted } = anAudit();
  audit.refused(command({ kind: 'rollback' }, { issuedBy: 'loop', tool: undefined, address: undefined }), '');
  audit.refused(command({ kind: 'rollback' }, { issuedBy: 'http', tool: 'http' }), '');
  expect(noted.map(({ who, tool, address }) => [who, tool, address])).toEqual([
    ['', 'loop', ''],
    ['', 'http', '10.0.0.7'],
  ]);
});

it('says what the router did by itself, once, and nothing twice of what a command did', () => {
  const { audit, noted } = anAudit();
  const before = { ...ROUTE, revision: 4, recentCommandIds: ['c-0'] };
  audit.written(before, ROUTE);
  expect(noted).toEqual([]);
  audit.written(
    { ...before, recentCommandIds: ['c-1'], rollout: { phase: 'loading', version: 2, message: '' } },
    ROUTE,
  );
  audit.written(ROUTE, { ...ROUTE, revision: 6, reason: 'a step' });
  expect(noted).toMatchObject([
    { id: 'p/route/5', action: 'route.fail', tool: 'router', who: '', reason: 'aborted by ada: slow' },
    { id: 'p/route/6', action: 'route.move', reason: 'a step' },
  ]);
});

it('tells that an experiment has ended with the change that ended it, and with no later one', () => {
  const { audit, noted } = anAudit();
  const running = { name: 'prices', control: 1, share: 100, salt: 1, fromRevision: 2, arms: [] };
  const end = { atMs: 50, reason: 'a rollout of version 2 began', by: 'loop', winner: 0 };
  const experiment = { ...running, startedAtMs: 1, endsAtMs: 99, startedBy: 'ada', end };
  const ending = { ...ROUTE, changedAtMs: 50, experiment };
  audit.decided(command({ kind: 'startRollout', version: 2 }), { kind: 'applied', route: ending, switch: null });
  audit.written(ending, { ...ending, revision: 6, changedAtMs: 60 });
  expect(noted[0]?.detail).toMatch(/; experiment prices: ended, a rollout of version 2 began$/);
  expect(noted[1]?.detail).not.toContain('experiment');
});
