import { describe, expect, it } from '@jest/globals';
import {
  DRIFT_CORRECTION_TYPE,
  DRIFT_ENDED_TYPE,
  DRIFT_EVENT_TYPE,
  type DriftEvent,
  decodeCommand,
  encodeDriftEvent,
  encodeModelVersion,
  encodeRoute,
  encodeWindowMetrics,
  type WindowMetrics,
} from '@millrace/contracts';
import { ALL, cohortOfVersion, ManualClock, PlatformError } from '@millrace/domain';
import { emptyRoute, type RouteTarget } from '@millrace/routing';
import { aModelVersion, anInbound } from '@millrace/testing';
import { outlasting } from '../duty/outlasting.js';
import { DriftEventConsumer, LoopCommands, loopEntries, projectEntries } from './loop-events.kafka.js';
import { LoopRunner } from './loop-runner.js';
import type { LoopInput } from './loop-state.js';

/** What the loop hears of a route with these targets. */
async function heard(targets: RouteTarget[]): Promise<LoopInput | undefined> {
  let input: LoopInput | undefined;
  const runner = {
    apply: async (_project: string, told: LoopInput) => {
      input = told;
    },
  } as unknown as LoopRunner;
  const route = { ...emptyRoute('p'), revision: 3, targets, loadedVersions: [1, 2], previousVersion: 1 };
  await loopEntries(runner, (_what, work) => work())['routes.v1']?.('p', Buffer.from(encodeRoute(route)), {
    partition: 0,
    offset: 0,
  } as never);
  return input;
}

describe('what the loop hears of a route', () => {
  it('is the version with most of the traffic', async () => {
    const targets = [
      { version: 1, weight: 40, name: 'blue' },
      { version: 2, weight: 60, name: 'green' },
    ];
    expect(await heard(targets)).toMatchObject({
      ...{ kind: 'route', revision: 3, liveVersion: 2, previousVersion: 1, rolloutVersion: 0, phase: 'idle' },
    });
    expect(await heard([])).toMatchObject({ liveVersion: 0 });
  });

  it('at 50/50 is the version that router and serving call primary, too: the lower', async () => {
    const targets = [
      { version: 2, weight: 50, name: 'green' },
      { version: 1, weight: 50, name: 'blue' },
    ];
    expect(await heard(targets)).toMatchObject({ liveVersion: 1 });
  });
});

it('what is kept of a project stays where its document cannot be read, and goes with the project', async () => {
  const kept = new Set(['unreadable', 'deleted', 'absent']);
  const store = { projects: async () => [...kept], remove: async (project: string) => void kept.delete(project) };
  const runner = new LoopRunner(store as never, {} as never, new ManualClock(1), {} as never);
  const entry = projectEntries(runner, async () => undefined)['projects.v1'];
  const at = { timestampMs: 1, replayed: true } as never;
  for (const project of ['unreadable', 'deleted'])
    await expect(async () => entry?.(project, Buffer.from('no project'), at)).rejects.toThrow();
  await entry?.('deleted', null, at);
  await runner.tidy();
  expect([...kept]).toEqual(['unreadable']);
});

it('an entry comes again until the loop could save it, and ends with the process', async () => {
  const inputs: string[] = [];
  let failures = 2;
  const runner = {
    apply: async (_project: string, input: LoopInput) => {
      if (failures-- > 0) throw new PlatformError(failures > 0 ? 'unavailable' : 'overloaded', 'no broker');
      inputs.push(input.kind);
    },
  } as unknown as LoopRunner;
  let hasEnded = false;
  const pause = async () => undefined;
  const outlast = outlasting({ ended: () => hasEnded, pause, log: () => undefined });
  const entry = loopEntries(runner, outlast)['datasets.v1'];
  const at = { timestampMs: 1 } as never;
  await entry?.('p/d', null, at);
  expect(inputs).toEqual(['dataset_gone']);
  failures = 1;
  hasEnded = true;
  await expect(entry?.('p/d', null, at)).rejects.toThrow('no broker');
});

it('a rollback that is repeated after a restart names the route that was judged', async () => {
  const sent: unknown[] = [];
  const write = async (_topic: string, messages: readonly { value: unknown }[]) =>
    void sent.push(decodeCommand(messages[0]?.value as Uint8Array));
  const commands = new LoopCommands({ write }, new ManualClock(1));
  await commands.rollback('p', { kind: 'rollback', reason: 'r', correlationId: 'c', expectedRevision: 7 });
  expect(sent).toMatchObject([{ id: 'loop/rollback-7', expectedRevision: 7, action: { kind: 'rollback' } }]);
});

it('what the loop hears of a version is its loss too, and that of the version in service on the same rows', async () => {
  const told: LoopInput[] = [];
  const runner = {
    apply: async (_project: string, input: LoopInput) => void told.push(input),
  } as unknown as LoopRunner;
  const outlast = outlasting({ ended: () => false, pause: async () => undefined, log: () => undefined });
  const of = (log_loss: number) => ({
    ...{ rows: 300, metrics: { log_loss, auc: 0.7 }, positiveShare: 0.5, eventTimeFromMs: 1, eventTimeToMs: 2 },
  });
  const version = { ...aModelVersion(), championVersion: 1, evaluation: of(0.5), championEvaluation: of(0.625) };
  for (const one of [version, { ...version, championVersion: 0, championEvaluation: undefined }])
    await loopEntries(runner, outlast)['models.v1']?.('k', Buffer.from(encodeModelVersion(one)), {
      timestampMs: 1,
    } as never);
  expect(told).toMatchObject([
    { kind: 'model', judged: { rows: 300, loss: 0.5, championLoss: 0.625 } },
    { kind: 'model', judged: { rows: 300, loss: 0.5, championLoss: undefined } },
  ]);
});

describe('what the loop hears of windows', () => {
  it('is what the versions lose where it is weighed, of whole versions whose labels are there', async () => {
    const told: unknown[] = [];
    const runner = {
      weighs: (project: string) => project === 'p',
      apply: async (project: string, input: LoopInput) => void told.push([project, input]),
    } as unknown as LoopRunner;
    const quality = { rows: 90, metrics: { log_loss: 0.5 }, positiveShare: 0.25, meanScore: 0.5 };
    const span = { eventTimeFromMs: 10, eventTimeToMs: 20 };
    const window: WindowMetrics = {
      ...{ project: 'p', windowStartMs: 10, windowEndMs: 20, predictions: 100, labels: 90, tests: [] },
      ...{ cohort: cohortOfVersion(2), quality: { ...quality, ...span }, closedAtMs: 1, revision: 1, labelsDueMs: 0 },
    };
    const others: Partial<WindowMetrics>[] = [
      { project: 'q' },
      { quality: undefined },
      { cohort: ALL },
      { cohort: { version: 2, slice: { column: 'c', value: 'v' } } },
    ];
    const messages = [{}, ...others].map((one) => anInbound('metrics.v1', encodeWindowMetrics({ ...window, ...one })));
    expect((await new DriftEventConsumer(runner).onMetrics(messages)).deadLetters).toEqual([]);
    const times = { startMs: 10, endMs: 20 };
    const figures = { predictions: 100, rows: 90, loss: 0.5, positiveShare: 0.25, meanScore: 0.5 };
    expect(told).toEqual([['p', { kind: 'quality', version: 2, ...times, ...figures }]]);
  });
});

describe('what the loop hears of drift', () => {
  it('is what was found and that it is over, and no correction of it', async () => {
    const told: string[] = [];
    const runner = {
      apply: async (_project: string, input: LoopInput) =>
        void told.push('eventId' in input ? `${input.kind} ${input.eventId}` : input.kind),
    } as unknown as LoopRunner;
    const event: DriftEvent = {
      ...{ specversion: '1.0', type: DRIFT_EVENT_TYPE, id: 'found', source: '/s', subject: '@quality', time: 't' },
      datacontenttype: 'application/json',
      data: {
        ...{ project: 'p', feature: '@quality', detector: 'auc_drop', value: 1, threshold: 1, pValue: null },
        ...{ window: { startMs: 0, endMs: 1 }, rows: 2, cohort: cohortOfVersion(1), correlationId: 'c' },
      },
    };
    const corrected = { ...event.data, corrects: 'found', alarming: false, revision: 2 };
    const correction = { ...event, type: DRIFT_CORRECTION_TYPE, id: 'corrected', data: corrected } as const;
    const over = { ...event.data, ends: 'found', reason: 'calm', windows: 2 } as const;
    const end = { ...event, type: DRIFT_ENDED_TYPE, id: 'over', data: over } as const;
    const messages = [event, correction, end].map((one) => anInbound('drift.v1', encodeDriftEvent(one)));
    expect((await new DriftEventConsumer(runner).onDrift(messages)).deadLetters).toEqual([]);
    expect(told).toEqual(['drift found', 'drift_ended found']);
  });
});
