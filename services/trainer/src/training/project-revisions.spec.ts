import { describe, expect, it } from '@jest/globals';
import { ProjectRevisions } from './project-revisions.js';

/** Revisions that are told when the test says so, and a wait that ends when it says so. */
function known(revisions: Record<string, number>) {
  const timers = new Set<() => void>();
  const one = new ProjectRevisions(
    (project) => revisions[project] ?? 0,
    (_delayMs, work) => {
      timers.add(work);
      return () => timers.delete(work);
    },
  );
  const set = (project: string, revision: number) => {
    revisions[project] = revision;
    one.told(project);
  };
  return { one, set, timers, late: () => [...timers].forEach((work) => void work()) };
}

describe('an expected revision of a project', () => {
  it('that is known is not waited for', async () => {
    const { one, timers } = known({ loans: 3 });
    await one.reach('loans', 3);
    expect(timers.size).toBe(0);
  });

  it('is waited for until it is told, also of a project that is not known at all', async () => {
    const { one, set, timers } = known({ loans: 1 });
    const reached: string[] = [];
    const both = [one.reach('loans', 2), one.reach('flights', 1)];
    void both[0]?.then(() => reached.push('loans'));
    set('flights', 1);
    await both[1];
    expect(reached).toEqual([]);
    set('loans', 2);
    await both[0];
    expect(timers.size).toBe(0);
  });

  it.each([
    ['older', 1, 'is at revision 1 in the trainer after 10 s, revision 2 was asked for: the project file reaches it'],
    ['newer', 3, 'is at revision 3 in the trainer after 10 s, revision 2 was asked for: it was applied anew since'],
    ['none', 0, 'is not known to the trainer after 10 s, revision 2 was asked for'],
  ])('is refused in bounded time where the known one is %s', async (_, revision, message) => {
    const { one, late } = known({ loans: revision });
    const reach = one.reach('loans', 2);
    late();
    await expect(reach).rejects.toMatchObject({
      code: 'conflict',
      retry: 'never',
      message: expect.stringContaining(message),
    });
  });

  it('is waited for by a bounded number of calls', async () => {
    const { one, late } = known({});
    const waiting = Array.from({ length: 64 }, () => one.reach('loans', 1));
    await expect(one.reach('loans', 1)).rejects.toMatchObject({ code: 'overloaded' });
    late();
    expect(await Promise.allSettled(waiting)).toHaveLength(64);
  });
});
