import { expect, it } from '@jest/globals';
import { RemovedProjects } from './removed-projects.js';

function harness() {
  const routes = new Set(['loans', 'flights']);
  const held = new Set(['loans']);
  const failures: string[] = [];
  const outlived: string[] = [];
  let away = false;
  const projects = new RemovedProjects({
    holds: (project) => held.has(project),
    outlived: () => outlived.filter((project) => routes.has(project)),
    hasRoute: (project) => routes.has(project),
    drop: async (project) => {
      if (away) throw new Error('away');
      routes.delete(project);
    },
    failed: (project) => failures.push(project),
  });
  return { projects, routes, held, outlived, failures, goAway: (gone: boolean) => (away = gone) };
}

it('takes away the routes of removed projects that it holds, and of others once it holds them', async () => {
  const { projects, routes, held } = harness();
  await projects.caughtUp();
  await projects.removed('loans');
  await projects.removed('flights');
  expect([...routes]).toEqual(['flights']);
  held.add('flights');
  await projects.dropHeld();
  expect([...routes]).toEqual([]);
});

it('leaves a project alone that was removed and applied anew before everything was read', async () => {
  const { projects, routes } = harness();
  await projects.removed('loans');
  await projects.applied('loans');
  await projects.caughtUp();
  expect(routes.has('loans')).toBe(true);
});

it('takes away a route that changed last before its project was created, once everything is read', async () => {
  const { projects, routes, outlived } = harness();
  outlived.push('loans', 'flights');
  await projects.applied('loans');
  expect(routes.has('loans')).toBe(true);
  await projects.caughtUp();
  // The other process holds that of the flights.
  expect([...routes]).toEqual(['flights']);
});

it('says when a route could not be taken away, and tries again', async () => {
  const { projects, routes, failures, goAway } = harness();
  await projects.caughtUp();
  goAway(true);
  await projects.removed('loans');
  expect([failures, routes.has('loans')]).toEqual([['loans'], true]);
  goAway(false);
  await projects.dropHeld();
  expect(routes.has('loans')).toBe(false);
});
