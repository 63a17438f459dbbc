import { describe, expect, it } from '@jest/globals';
import { ManualClock, type TrainingRequest } from '@millrace/domain';
import { type Project, parseProject } from '@millrace/project';
import { projectTextWith } from '@millrace/testing';
import { ProjectRevisions } from './project-revisions.js';
import { type KeptRequest, type RunnerPorts, type TrainingEnd, type TrainingResult, TrainingRunner } from './runner.js';

const request = (project: string): TrainingRequest => ({
  project,
  datasetVersions: ['d'],
  evaluateFromMs: 0,
  evaluationShare: 0.2,
  warmStartVersion: 0,
  workers: 1,
  seed: 1,
  correlationId: '',
  trigger: 'test',
});
function parsed(): Project {
  const text = projectTextWith({ recordId: false, entity: true, eventTime: true, label: true });
  const result = parseProject(text, 'project.yaml');
  if (result.kind !== 'ok') throw new Error(JSON.stringify(result.faults));
  return result.project;
}
const project = parsed();

/** A trainer whose trainings end when the test, or a stop, ends them. */
function trainer(left: readonly KeptRequest[] = []) {
  const created = new Map([
    ['loans', 100],
    ['flights', 0],
  ]);
  const kept = new Map(left.map((each) => [each.trainingId, each]));
  const ends: TrainingEnd[] = [];
  const announced = new Map<string, TrainingResult>();
  const began: string[] = [];
  const revisions = new Map([...created.keys()].map((name) => [name, 1]));
  let end: (stopped: boolean) => void = () => undefined;
  const ports: RunnerPorts = {
    project: (name) => (created.has(name) ? project : undefined),
    projectCreatedAtMs: (name) => created.get(name),
    revisions: new ProjectRevisions(
      (name) => revisions.get(name) ?? 0,
      (_delayMs, work) => {
        setImmediate(work);
        return () => undefined;
      },
    ),
    train: (trainingId, _request, _project, _reporter, isStopped) => {
      began.push(trainingId);
      return new Promise((resolve, reject) => {
        end = (stopped) => {
          if (stopped && isStopped()) reject(new Error('the workers were told to end'));
          else resolve({ version: 1, blessed: true, reasons: [], verdict: '', warnings: [] });
        };
      });
    },
    publish: async () => undefined,
    keep: async (trainingId, asked, projectCreatedAtMs) =>
      void kept.set(trainingId, { trainingId, request: asked, projectCreatedAtMs }),
    forget: async (_project, trainingId) => void kept.delete(trainingId),
    requireDuty: () => undefined,
    announced: (_project, trainingId) => announced.get(trainingId),
    hasVersion: () => true,
    kept: () => [...kept.values()],
    cancel: () => end(true),
    log: () => undefined,
  };
  const runner = new TrainingRunner(ports, new ManualClock(1_000));
  runner.onEnd((ended) => ends.push(ended));
  return { runner, created, announced, revisions, kept, ends, began, finish: () => end(false) };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('trainings of a deleted project', () => {
  it('end, what runs and what waits; those of others go on', async () => {
    const { runner, kept, ends, began, finish } = trainer();
    for (const [id, name] of Object.entries({ a: 'loans', b: 'flights', c: 'loans' }))
      await runner.start(request(name), id);
    runner.stop('loans');
    await turn();
    expect(ends.map(({ trainingId, kind }) => [trainingId, kind])).toEqual([
      ['c', 'failed'],
      ['a', 'failed'],
    ]);
    expect(ends).toMatchObject([{ code: 'cancelled', message: 'project "loans" was deleted' }, { code: 'cancelled' }]);
    expect([began, [...kept.keys()]]).toEqual([['a', 'b'], ['b']]);
    finish();
    await turn();
    expect(ends.at(-1)).toMatchObject({ trainingId: 'b', kind: 'finished' });
    expect(kept.size).toBe(0);
  });

  it('are not taken up again after a restart, though the name is taken anew', async () => {
    const ofLoans = (trainingId: string, projectCreatedAtMs: number) => ({
      trainingId,
      request: request('loans'),
      projectCreatedAtMs,
    });
    const gone = { trainingId: 'gone', request: request('gone'), projectCreatedAtMs: 5 };
    const old = { trainingId: 'of-0.1', request: request('flights'), projectCreatedAtMs: 0 };
    const { runner, kept, began } = trainer([ofLoans('before', 50), ofLoans('now', 100), gone, old]);
    await runner.resume();
    expect([...kept.keys()]).toEqual(['now', 'of-0.1']);
    expect(began).toEqual(['now']);
  });
});

describe('a training that names the revision of its project', () => {
  it('says which one it trains with, as one that names none does', async () => {
    const { runner, revisions } = trainer();
    revisions.set('loans', 4);
    await runner.start(request('loans'), 'any');
    await runner.start({ ...request('loans'), projectRevision: 4 }, 'named');
    expect([runner.view('any')?.projectRevision, runner.view('named')?.projectRevision]).toEqual([4, 0]);
  });

  it('is refused where the trainer has another one, and nothing of it is kept', async () => {
    const { runner, kept } = trainer();
    const asked = runner.start({ ...request('loans'), projectRevision: 2 }, 'ahead');
    await expect(asked).rejects.toMatchObject({ code: 'conflict' });
    expect([kept.size, runner.view('ahead')]).toEqual([0, undefined]);
  });

  it('fails where another one is current when its turn comes', async () => {
    const { runner, revisions, ends, began, finish } = trainer();
    await runner.start(request('flights'), 'first');
    await runner.start({ ...request('loans'), projectRevision: 1 }, 'second');
    revisions.set('loans', 2);
    finish();
    await turn();
    expect(began).toEqual(['first']);
    const message = 'project "loans" is at revision 2 in the trainer by now, revision 1 was asked for';
    expect(ends.at(-1)).toMatchObject({ kind: 'failed', code: 'conflict', message: expect.stringContaining(message) });
  });
});

describe('a training that was announced before its trainer was killed', () => {
  it('ends as that version: no second one is trained', async () => {
    const left = { trainingId: 'left', request: request('flights'), projectCreatedAtMs: 0 };
    const { runner, announced, ends, began, kept } = trainer([left]);
    announced.set('left', { version: 4, blessed: true, reasons: [], verdict: 'version 4 is blessed', warnings: [] });
    await runner.resume();
    await turn();
    expect(began).toEqual([]);
    expect(ends).toMatchObject([{ kind: 'finished', trainingId: 'left', version: 4, blessed: true }]);
    expect([runner.view('left')?.state, kept.size]).toEqual(['finished', 0]);
  });
});
