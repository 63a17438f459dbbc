import { describe, expect, it } from '@jest/globals';
import { ManualClock, PlatformError } from '@millrace/domain';
import { DEATHS_MAX, runApart } from './run-apart.js';

const failed = new PlatformError('internal', 'the model failed');
const died = new PlatformError('unavailable', 'the process died', { facts: { died: true } });
const away = new PlatformError('unavailable', 'no engine is ready');

class Job {
  settled = false;
  cancelled = false;
  error: PlatformError | undefined;

  constructor(
    readonly name: string,
    readonly deadlineAtMs = Number.POSITIVE_INFINITY,
  ) {}

  refuse(error: PlatformError): void {
    this.settled = true;
    this.error = error;
  }
}

/** Runs them; `faults` by name. */
async function run(jobs: readonly Job[], error: PlatformError, faults: Readonly<Record<string, PlatformError>> = {}) {
  const clock = new ManualClock(100);
  const ran: string[] = [];
  const outcomes: string[] = [];
  await runApart(jobs, error, {
    clock,
    runAlone: async (job) => {
      ran.push(job.name);
      clock.advance(10);
      const own = faults[job.name];
      job.settled = true;
      if (own !== undefined) job.refuse(own);
      return own;
    },
    ranApart: (outcome) => outcomes.push(outcome),
  });
  return { ran, outcomes };
}

describe('requests that failed together', () => {
  it.each([
    ['threw', failed],
    ['died', died],
  ])(
    'run alone where the engine %s: the one that is to blame is refused, the others are answered',
    async (_, fault) => {
      const jobs = ['a', 'b', 'c'].map((name) => new Job(name));
      const { ran, outcomes } = await run(jobs, fault, { b: fault });
      expect([ran, outcomes]).toEqual([
        ['a', 'b', 'c'],
        ['answered', 'refused', 'answered'],
      ]);
      expect(jobs.map(({ error }) => error)).toEqual([undefined, fault, undefined]);
    },
  );

  it('are refused together where the engine was away before: no row did that', async () => {
    const jobs = [new Job('a'), new Job('b')];
    expect(await run(jobs, away)).toEqual({ ran: [], outcomes: [] });
    expect(jobs.map(({ error }) => error)).toEqual([away, away]);
  });

  it('cost so many starts at most, and the rest is told that it was one batch', async () => {
    const jobs = Array.from({ length: DEATHS_MAX + 2 }, (_, i) => new Job(`bad ${i}`));
    const faults = Object.fromEntries(jobs.map(({ name }) => [name, died]));
    const { ran } = await run(jobs, died, faults);
    expect(ran).toHaveLength(DEATHS_MAX);
    expect(jobs.at(-1)?.error?.reason).toBe(`the process died; ${jobs.length} requests were computed as one batch`);
  });

  it('do not run when their caller is gone or their deadline passed meanwhile', async () => {
    const jobs = [new Job('a'), new Job('late', 105), new Job('gone'), new Job('b')];
    (jobs[2] as Job).cancelled = true;
    const { ran } = await run(jobs, died);
    expect(ran).toEqual(['a', 'b']);
    expect(jobs[1]?.error?.code).toBe('deadline_exceeded');
  });
});
