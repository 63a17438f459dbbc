import { describe, expect, it } from '@jest/globals';
import { bodyOf, monitorApi } from '@millrace/api';
import { ANNOTATIONS_MAX, Annotations, annotationOf } from './annotations.js';
import { LiveTraffic, POINTS_MAX } from './live-traffic.js';

describe('LiveTraffic', () => {
  it('makes a point a second and forgets the oldest', () => {
    const live = new LiveTraffic();
    for (let i = 0; i < 50; i++) live.prediction({ modelVersion: i % 2, latencyUs: 2_000, role: 'live' });
    live.label();
    expect(live.beat(1_000)).toMatchObject({ atMs: 1_000, predictions: 50, labels: 1, byVersion: { 0: 25, 1: 25 } });
    expect(live.recent()[0]?.p50Ms).toBeCloseTo(2, 1);
    expect(live.beat(2_000)).toMatchObject({ predictions: 0, p99Ms: null, byVersion: {} });
    for (let i = 0; i < POINTS_MAX + 5; i++) live.beat(i);
    expect(live.recent()).toHaveLength(POINTS_MAX);
  });

  it('copies to a shadow made the traffic look like more than there is, and the latency like theirs', () => {
    const live = new LiveTraffic();
    live.prediction({ modelVersion: 1, latencyUs: 2_000, role: 'live' });
    for (let i = 0; i < 9; i++) live.prediction({ modelVersion: 2, latencyUs: 90_000, role: 'shadow' });
    const point = live.beat(1_000);
    expect(point).toMatchObject({ predictions: 1, byVersion: { 1: 1 } });
    expect(point.p99Ms).toBeLessThan(3);
  });
});

describe('Annotations', () => {
  const put = (annotations: Annotations, id: string, more: object = {}, atMs = 5) => {
    annotations.put('p', annotationOf(id, { title: id, state: 'running', ...more }, atMs));
  };

  it('refuses an id that would not fit into a path', () => {
    expect(() => annotationOf('A b', { state: 'done' }, 0)).toThrow('id must');
  });

  it.each([
    ['text', 'the body is an object'],
    [{ state: 'maybe' }, 'state is one of'],
    [{ state: 'done', progress: 2 }, 'progress'],
    [{ state: 'done', speed: 2 }, 'unknown field speed'],
  ])('refuses %j', (body, fault) => {
    expect(() => bodyOf(monitorApi.endpoints.annotate, body)).toThrow(fault);
  });

  it('replaces what runs by its id, keeps the order of starting, and is bounded', () => {
    const annotations = new Annotations();
    for (const id of ['a', 'b']) put(annotations, id);
    put(annotations, 'a', { progress: 0.5, detail: 'x'.repeat(500) }, 9);
    expect(annotations.of('p').map(({ id }) => id)).toEqual(['a', 'b']);
    expect(annotations.of('p')[0]).toMatchObject({ progress: 0.5, startedAtMs: 5, updatedAtMs: 9 });
    expect(annotations.of('p')[0]?.detail).toHaveLength(200);
    for (let i = 0; i < ANNOTATIONS_MAX + 3; i++) put(annotations, `s${i}`);
    expect(annotations.of('p')).toHaveLength(ANNOTATIONS_MAX);
    expect(annotations.of('p')[0]?.id).toBe('s3');
  });

  it('starts one anew that has ended, at the end, and removes one', () => {
    const annotations = new Annotations();
    for (const id of ['a', 'b']) put(annotations, id);
    put(annotations, 'a', { state: 'done' }, 6);
    put(annotations, 'a', {}, 7);
    expect(annotations.of('p').map(({ id, startedAtMs }) => [id, startedAtMs])).toEqual([
      ['b', 5],
      ['a', 7],
    ]);
    annotations.remove('p', 'b');
    annotations.remove('p', 'a');
    expect(annotations.of('p')).toEqual([]);
  });
});
