// What people may say to a loop over HTTP.

import { expect, it } from '@jest/globals';
import type { AuditTrail } from '@millrace/audit';
import { ManualClock } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { dataset, drift, live, policy } from '../../test/a-loop.js';
import { LoopHttp } from './loop.http.js';
import { LoopRunner } from './loop-runner.js';
import type { LoopState } from './loop-state.js';

const none = async (): Promise<void> => undefined;

it('takes approvals with a name, refuses what is not asked, and says whom it waits for', async () => {
  const saved: LoopState[] = [];
  const runner = new LoopRunner(
    {
      load: async () => null,
      save: async (_project, _at, state) => void saved.push(state),
      remove: none,
      projects: async () => [],
    },
    { startTraining: none, startRollout: none, rollback: none, compare: none },
    new ManualClock(1),
    { info: () => undefined, error: () => undefined },
  );
  const retrain = { ...policy.retrain, approval: 'manual', approvers: 2 };
  const rollout = { automatic: true, probation: policy.probation };
  await runner.define({ name: 'p', retrain, rollout, scope: { metric: policy.metric } } as unknown as Project, 0);
  const noted: Parameters<AuditTrail['note']>[0][] = [];
  const http = new LoopHttp(runner, { note: (done) => void noted.push(done), settled: none });
  const from = { tool: 'cli', address: '10.0.0.7' };
  const command = (project: string, word: string, said?: Parameters<LoopHttp['command']>[2]) =>
    http.command(project, word, said, from);
  await expect(command('p', 'approve', { by: 'anna' })).rejects.toThrow(
    'nothing of p waits for an approval: its loop is calm',
  );
  for (const input of [live(1), drift(), dataset(3)]) await runner.apply('p', input);
  await expect(command('p', 'approve')).rejects.toThrow('approve takes by: who decides it');
  await expect(command('p', 'reject', { by: 'bob', reason: ' ' })).rejects.toThrow('reject takes reason');
  await expect(command('p', 'pause')).rejects.toThrow('the loop knows approve, reject, stop, resume, not "pause"');
  // A page that is behind answers another question than the one that is asked.
  const about = http.state('p').asked?.about;
  expect(about).toBe('retraining c1 since 1');
  const behind = { by: 'anna', reason: 'a storm', about: 'retraining c0 since 1' };
  for (const word of ['approve', 'reject'])
    await expect(command('p', word, behind)).rejects.toThrow(
      'the loop asks another question by now: the retraining. Look at it again, and answer that',
    );
  await runner.apply('p', { kind: 'approve', ...behind });
  expect(http.state('p').asked).toMatchObject({ approvers: 2, wanted: 2, expiresAtMs: null, given: [] });
  const one = await command('p', 'approve', { by: 'anna', reason: 'a storm', about });
  expect(one.asked).toMatchObject({ wanted: 1, given: [{ by: 'anna', reason: 'a storm', atMs: 1 }] });
  expect(one).toMatchObject({
    phase: 'approval',
    approvals: [{ by: 'anna', reason: 'a storm', atMs: 1 }],
    waits: { for: 'a second person beside anna to approve the retraining' },
  });
  await expect(command('p', 'approve', { by: 'Anna' })).rejects.toThrow('Anna has approved the retraining already');
  // Whoever follows the topic sees the question as people do.
  expect(saved.at(-1)?.asked).toEqual(one.asked);
  expect(await command('p', 'approve', { by: 'bob' })).toMatchObject({ phase: 'training' });
  expect(saved.at(-1)?.asked).toBeNull();
  const stopped = await command('p', 'stop', { by: 'eve', reason: 'fire' });
  expect(stopped.history.at(-1)?.message).toBe(
    'stopped by the kill switch (eve: fire); what training c1 makes is left to a person',
  );
  // Every word is in the audit, with what came of it.
  const told = noted.map(({ who, action, subject, result }) => `${who}: ${action} of ${subject}, ${result}`);
  expect(told.slice(-4)).toEqual([
    'anna: loop.approve of the retraining, applied',
    'Anna: loop.approve of the retraining, refused',
    'bob: loop.approve of the retraining, applied',
    'eve: loop.stop of the loop, applied',
  ]);
  expect(noted.at(-1)).toMatchObject({ ...from, reason: 'fire', detail: expect.stringContaining('kill switch') });
  expect(noted.at(-3)?.detail).toContain('Anna has approved the retraining already');
});
