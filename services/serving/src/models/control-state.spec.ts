import { describe, expect, it } from '@jest/globals';
import type { Project } from '@millrace/project';
import { emptyRoute, type Route } from '@millrace/routing';
import { type ControlSnapshot, ControlState, checkSnapshot } from './control-state.js';

function harness() {
  const calls: string[] = [];
  const snapshots: ControlSnapshot[] = [];
  const state = new ControlState({
    models: {
      applyProject: (project) => calls.push(`project ${project.name}`),
      applyRoute: (route) => calls.push(`route ${route.project} ${route.loadedVersions.join('+')}`),
      removeRoute: (project) => calls.push(`remove ${project}`),
    },
    parse: (document) => {
      if (document === 'bad') throw new Error('no project');
      return { name: document } as Project;
    },
    changed: (snapshot) => snapshots.push(snapshot),
    skipped: (what) => calls.push(`skipped ${what}`),
  });
  return { state, calls, snapshots };
}

const route = (project: string, revision: number, ...loadedVersions: number[]): Route => ({
  ...emptyRoute(project),
  revision,
  loadedVersions,
});

describe('ControlState', () => {
  it('applies only the last word of what is read from the beginning, then each change', () => {
    const { state, calls, snapshots } = harness();
    state.projectEntry('a', { name: 'a', document: 'a' });
    state.routeEntry('a', route('a', 1, 1));
    state.routeEntry('a', route('a', 2, 1, 2));
    state.routeEntry('b', route('b', 1, 1));
    state.routeEntry('b', null);
    expect(calls).toEqual([]);
    state.caughtUp();
    expect(calls).toEqual(['project a', 'route a 1+2']);
    state.routeEntry('a', route('a', 3, 2));
    state.routeEntry('a', null);
    expect(calls.slice(2)).toEqual(['route a 2', 'remove a']);
    expect(snapshots.at(-1)).toEqual({ format: 2, projects: [{ name: 'a', document: 'a' }], routes: [] });
  });

  it('serves the snapshot until the topics speak, then only what they say', () => {
    const { state, calls } = harness();
    state.restore({
      format: 2,
      projects: [{ name: 'a', document: 'a' }],
      routes: [route('a', 7, 1), route('old', 1, 1)],
    });
    expect(calls).toEqual(['project a', 'route a 1', 'route old 1']);
    state.routeEntry('a', route('a', 8, 2));
    state.caughtUp();
    expect(calls.slice(3)).toEqual(['remove old', 'route a 2']);
    state.restore({ format: 2, projects: [], routes: [route('late', 1, 1)] });
    expect(calls).toHaveLength(5);
  });

  it('follows topics that begin anew, although the snapshot was further', () => {
    const { state, calls } = harness();
    state.restore({ format: 2, projects: [], routes: [route('a', 7, 1, 2)] });
    state.routeEntry('a', route('a', 1, 1));
    state.caughtUp();
    expect(calls).toEqual(['route a 1+2', 'remove a', 'route a 1']);
  });

  it('skips a project that cannot be read and keeps the rest', () => {
    const { state, calls } = harness();
    state.projectEntry('a', { name: 'a', document: 'bad' });
    state.routeEntry('a', route('a', 1, 1));
    state.caughtUp();
    expect(calls).toEqual(['skipped project a', 'route a 1']);
  });

  it('reads back what it wrote and refuses anything else', () => {
    const snapshot: ControlSnapshot = { format: 2, projects: [], routes: [route('a', 1, 1)] };
    expect(checkSnapshot(JSON.parse(JSON.stringify(snapshot)))).toEqual(snapshot);
    for (const value of ['', {}, null, { format: 1, projects: [], routes: [] }])
      expect(() => checkSnapshot(value)).toThrow();
  });
});
