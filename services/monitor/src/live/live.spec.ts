import { describe, expect, it } from '@jest/globals';
import { POINTS_MAX, Pulse } from './pulse.js';
import { parseStage, STAGES_MAX, Story } from './story.js';

describe('Pulse', () => {
  it('makes a point a second and forgets the oldest', () => {
    const pulse = new Pulse();
    for (let i = 0; i < 50; i++) pulse.prediction(i % 2, 2_000);
    pulse.label();
    expect(pulse.beat(1_000)).toMatchObject({ atMs: 1_000, predictions: 50, labels: 1, byVersion: { 0: 25, 1: 25 } });
    expect(pulse.recent()[0]?.p50Ms).toBeCloseTo(2, 1);
    expect(pulse.beat(2_000)).toMatchObject({ predictions: 0, p99Ms: null, byVersion: {} });
    for (let i = 0; i < POINTS_MAX + 5; i++) pulse.beat(i);
    expect(pulse.recent()).toHaveLength(POINTS_MAX);
  });
});

describe('Story', () => {
  const stage = (id: string, more: object = {}) => parseStage({ id, title: id, state: 'running', ...more }, 5);

  it.each([
    ['text', 'an object'],
    [{ id: 'A b', state: 'done' }, 'id must'],
    [{ id: 'a', state: 'maybe' }, 'state must'],
    [{ id: 'a', state: 'done', progress: 2 }, 'progress must'],
  ])('refuses %j', (body, fault) => {
    expect(parseStage(body, 0)).toMatchObject({ kind: 'invalid', fault: expect.stringContaining(fault) });
  });

  it('replaces a stage by id, keeps the order of telling, and is bounded', () => {
    const story = new Story();
    for (const id of ['a', 'b', 'a']) {
      const parsed = stage(id, { progress: 0.5, detail: 'x'.repeat(500) });
      if (parsed.kind === 'ok') story.tell('p', parsed.stage);
    }
    expect(story.of('p').map(({ id }) => id)).toEqual(['a', 'b']);
    expect(story.of('p')[0]?.detail).toHaveLength(200);
    for (let i = 0; i < STAGES_MAX + 3; i++) {
      const parsed = stage(`s${i}`);
      if (parsed.kind === 'ok') story.tell('p', parsed.stage);
    }
    expect(story.of('p')).toHaveLength(STAGES_MAX);
    story.clear('p');
    expect(story.of('p')).toEqual([]);
  });
});
