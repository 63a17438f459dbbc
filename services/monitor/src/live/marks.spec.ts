import { describe, expect, it } from '@jest/globals';
import { emptyRoute, type Route } from '@millrace/routing';
import { MARKS_MAX, Marks } from './marks.js';

const route = (changedAtMs: number, ...weights: number[]): Route => ({
  ...emptyRoute('p'),
  targets: weights.map((weight, i) => ({ version: i + 1, weight, name: `v${i + 1}` })),
  changedAtMs,
});

describe('Marks', () => {
  it('has a line for each change of live traffic and each restart, oldest first, of its project', () => {
    const marks = new Marks(1_000);
    marks.routed(undefined, emptyRoute('p'));
    marks.routed(undefined, route(2_000, 100));
    marks.routed(route(2_000, 100), route(3_000, 100)); // loaded another, sends alike
    marks.routed(route(3_000, 100), route(4_000, 60, 40));
    marks.restarted('router', 3_500);
    marks.routed(undefined, { ...route(3_600, 100), project: 'q' });
    expect(marks.of('p', 0)).toEqual([
      { kind: 'restart', atMs: 1_000, text: 'monitor started' },
      { kind: 'rollout', atMs: 2_000, text: 'version 1: 100 %' },
      { kind: 'restart', atMs: 3_500, text: 'router restarted' },
      { kind: 'rollout', atMs: 4_000, text: 'version 1: 60 %, version 2: 40 %' },
    ]);
    expect(marks.of('p', 3_600)).toHaveLength(1);
  });

  it('is bounded', () => {
    const marks = new Marks(0);
    for (let i = 1; i <= MARKS_MAX + 5; i++) marks.restarted('router', i);
    expect(marks.of('p', 1)).toHaveLength(MARKS_MAX);
    for (let i = 1; i <= MARKS_MAX + 5; i++) marks.routed(undefined, route(1_000 + i, 100));
    expect(marks.of('p', 1_000)).toHaveLength(MARKS_MAX);
    marks.forget('p');
    expect(marks.of('p', 1_000)).toEqual([]);
  });
});
