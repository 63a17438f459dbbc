import { expect, it } from '@jest/globals';
import { type LoopSeen, ofLoop } from './loop-events.js';

const entry = (state: object, trainingId = '') => ({
  ...{ project: 'p', projectCreatedAtMs: 0, trainingId },
  document: JSON.stringify(state),
});

/** Events of states, one after another. */
function told(states: readonly object[]): string[][] {
  let before: LoopSeen | undefined;
  return states.map((state) => {
    const { events, seen } = ofLoop(before, entry(state));
    before = seen ?? before;
    return events.map(({ event, data }) => `${event}: ${String(data.message)}`);
  });
}

const CALM = { phase: 'calm', approvals: [], history: [] };
const asked = (wanted: number) => ({
  about: 'retraining e1 since 7',
  ...{ what: 'the retraining', sinceMs: 7, expiresAtMs: 99, approvers: 2, wanted, given: [] },
});
const ASKS = { ...CALM, phase: 'approval', episode: { id: 'e1' }, askedSinceMs: 7, asked: asked(2) };
const anna = { key: 'retraining e1', by: 'anna', reason: 'a storm', atMs: 8 };
const bob = { key: 'retraining e1', by: 'bob', reason: '', atMs: 9 };

it('tells what is asked, each approval, and nothing twice', () => {
  const given = { ...ASKS, approvals: [anna], asked: asked(1) };
  const begun = { ...CALM, phase: 'training', approvals: [anna, bob], asked: null };
  expect(told([CALM, ASKS, ASKS, given, begun, begun])).toEqual([
    [],
    [
      'approval.asked: the retraining waits for a person: millrace loop p approve --by NAME, or reject',
      'loop.waiting: a retraining waits for a person: millrace loop p approve, or stop',
    ],
    [],
    ['approval.given: anna has approved the retraining e1 (a storm): 1 more wanted'],
    ['approval.given: bob has approved the retraining e1: it is approved'],
    [],
  ]);
});

it('says which version an approved rollout is of', () => {
  const approved = { ...CALM, approvals: [{ ...bob, key: 'rollout 4' }], asked: null };
  expect(told([CALM, approved])).toEqual([
    [],
    ['approval.given: bob has approved the rollout of version 4: it is approved'],
  ]);
});

it('has the same id for the same thing, so that the queue knows it again', () => {
  const [first, again] = [ofLoop(undefined, entry(ASKS)), ofLoop(undefined, entry(ASKS))];
  expect(first).toEqual(again);
  expect(first.events.map(({ id, event }) => [event, id])).toEqual([
    ['approval.asked', 'p/loop/retraining e1 since 7/asked'],
    ['loop.waiting', 'p/loop/e1/approval/7'],
  ]);
  expect(first.events[0]?.data).toMatchObject({ correlationId: 'e1', approvers: 2, wanted: 2, expiresAtMs: 99 });
});

it.each([
  ['refused', { by: 'bob', reason: 'not on a Friday' }, 'bob has refused the retraining: not on a Friday'],
  ['expired', { by: '', reason: '' }, 'nobody has approved the retraining in time'],
])('tells that a question was %s', (outcome, said, message) => {
  const answered = { about: 'retraining e1 since 7', what: 'the retraining', outcome, ...said, atMs: 50 };
  const after = { ...CALM, phase: 'cooling', asked: null, answered };
  expect(told([ASKS, after, after]).slice(1)).toEqual([[`approval.${outcome}: ${message}`], []]);
});

it('told nothing of a question that another took the place of, or that a kill switch ended', () => {
  const about = (version: number, wanted = 2) => ({
    ...CALM,
    asked: { ...asked(wanted), about: `rollout ${version} since 3`, what: `the rollout of version ${version}` },
  });
  const waits = (version: number) => [
    `approval.asked: the rollout of version ${version} waits for a person: millrace loop p approve --by NAME, or reject`,
    `loop.waiting: the rollout of version ${version} waits for a person: millrace loop p approve --by NAME, or reject`,
  ];
  // One of two has approved version 4 when version 41 comes: its question is gone, too.
  const half = { ...about(4, 1), approvals: [{ ...bob, key: 'rollout 4' }] };
  const stopped = { ...CALM, phase: 'stopped', asked: null };
  expect(told([about(4), half, about(41), stopped, stopped])).toEqual([
    waits(4),
    ['approval.given: bob has approved the rollout of version 4: 1 more wanted'],
    [
      'approval.withdrawn: the rollout of version 4 waits for nobody any more: it asks for the rollout of version 41',
      ...waits(41),
    ],
    [
      'approval.withdrawn: the rollout of version 41 waits for nobody any more: the loop asks it no longer',
      'loop.waiting: the loop is stopped: it waits for a person: millrace loop p resume',
    ],
    [],
  ]);
  // As an earlier release remembered it: whether it was answered is not known.
  const earlier = { asked: 'rollout 4 since 3', givenAtMs: 0, answeredAtMs: 0, isStopped: false };
  expect(ofLoop(earlier, entry(CALM)).events).toEqual([]);
});

it('tells that a rollout waits, and that the loop is stopped', () => {
  const rollout = { ...asked(1), about: 'rollout 4 since 3', what: 'the rollout of version 4' };
  const stopped = { ...CALM, phase: 'stopped', history: [{ atMs: 12, message: 'stopped by the kill switch' }] };
  expect(told([CALM, { ...CALM, asked: rollout }, stopped, stopped])).toEqual([
    [],
    [
      'approval.asked: the rollout of version 4 waits for a person: millrace loop p approve --by NAME, or reject',
      'loop.waiting: the rollout of version 4 waits for a person: millrace loop p approve --by NAME, or reject',
    ],
    [
      'approval.withdrawn: the rollout of version 4 waits for nobody any more: the loop asks it no longer',
      'loop.waiting: the loop is stopped: it waits for a person: millrace loop p resume',
    ],
    [],
  ]);
});

it('tells nothing of approvals of before it looked, of trainings, nor of what it does not know', () => {
  expect(told([{ ...CALM, approvals: [anna], answered: { atMs: 5 } }])).toEqual([[]]);
  expect(ofLoop(undefined, entry(ASKS, 't1')).events).toEqual([]);
  for (const document of ['{', 'null', '7', '{"something": "else"}'])
    expect(ofLoop(undefined, { ...entry({}), document }).events).toEqual([]);
  // A trainer of an earlier release says no question: that it waits it does.
  const earlier = { phase: 'approval', episode: { id: 'e1' }, askedSinceMs: 7 };
  expect(ofLoop(undefined, entry(earlier)).events).toMatchObject([
    { event: 'loop.waiting', id: 'p/loop/e1/approval/7' },
  ]);
});
