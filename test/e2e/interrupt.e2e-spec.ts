// Ctrl-C on a real terminal, in each phase of `npm start`: stopped within ten seconds, said in one line, with the
// documented exit code and without an orphan; and each link of the chain that started the platform, killed.

import { afterEach, describe, expect, it } from '@jest/globals';
import { Platform, type Running, until } from './support/platform.process.js';

/** A command that shows nothing for this long hangs, however busy the machine is. */
const SILENT_MS_MAX = 180_000;
/** Longer than a test takes on a busy machine: only `SILENT_MS_MAX` and the test's own bounds end it. */
const TEST_MS_MAX = 900_000;
const STOP_MS_MAX = 10_000;
/** So many rows that the first version is blessed; a fraction of them do not beat the trivial baseline. */
const SMALL = ['--rows', '20000', '--replay-rows', '3000', '--rate', '300', '--no-shift'];
/** What `npm start` runs; npm's own shell answers 130 to Ctrl-C whatever its command ends with. */
const START = ['node', 'tools/setup/start.mjs'];

const platforms: Platform[] = [];

async function newPlatform(): Promise<Platform> {
  const platform = await Platform.create();
  platforms.push(platform);
  return platform;
}

afterEach(() => {
  for (const platform of platforms.splice(0)) platform.remove();
});

function reach(run: Running, shown: RegExp | string, platform: Platform): Promise<void> {
  const found = () => (typeof shown === 'string' ? run.output().includes(shown) : shown.test(run.output()));
  return until(found, SILENT_MS_MAX, () => `${run.output()}\n${platform.logs()}`, run);
}

describe('Ctrl-C in npm start', () => {
  it.each([
    ['while it starts', / ready .*\d+%/, 130],
    ['in the bulk load', / ingest .*\d+%/, 130],
    ['in the training', / train .*\d+% step \d+/, 130],
    ['in the replay', / replay .*\d+%/, 130],
    ['once it serves', 'It keeps serving', 0],
  ] as const)(
    '%s stops everything within 10 s',
    async (_name, phase, code) => {
      const platform = await newPlatform();
      const run = platform.onTerminal([...START, ...SMALL]);
      await reach(run, phase, platform);
      const askedMs = performance.now();
      run.type('\x03');
      const finished = await run.finished;
      if (finished.code !== code)
        throw new Error(`exit code ${finished.code}:\n${finished.output}\n${platform.logs()}`);
      expect(performance.now() - askedMs).toBeLessThan(STOP_MS_MAX);
      expect(finished.output.match(/Stopping …/g)).toHaveLength(1);
      expect(finished.output).toMatch(/Everything is stopped \(\d+\.\d s\)\./);
      expect(finished.output).not.toContain('millrace:');
      expect(platform.processes()).toEqual([]);
    },
    TEST_MS_MAX,
  );

  it(
    'pressed again ends at once',
    async () => {
      const platform = await newPlatform();
      const run = platform.onTerminal([...START, ...SMALL]);
      await reach(run, / ingest .*\d+%/, platform);
      // Stopped processes cannot stop in order: only killing them ends this.
      process.kill(platform.pidOf('services/ingest/src/main.js'), 'SIGSTOP');
      run.type('\x03');
      await reach(run, 'Stopping …', platform);
      await new Promise((wake) => setTimeout(wake, 1_000));
      const askedMs = performance.now();
      run.type('\x03');
      expect((await run.finished).code).toBe(130);
      // In order it would wait for the one that stands still as long as it may take.
      expect(performance.now() - askedMs).toBeLessThan(STOP_MS_MAX / 2);
      await until(
        () => platform.processes().length === 0,
        STOP_MS_MAX,
        () => JSON.stringify(platform.processes()),
      );
    },
    TEST_MS_MAX,
  );
});

describe('what started the platform is killed', () => {
  it.each(['npm exec', 'sh -c', '.bin/millrace', 'dist/apps/cli/src/main.js'])(
    'the link %s: nothing is left',
    async (link) => {
      const platform = await newPlatform();
      const run = platform.inGroupOfItsOwn(['npx', 'millrace', 'serve', '--repository', 'examples/model-repository']);
      await reach(run, 'Ctrl-C stops it', platform);
      process.kill(platform.pidOf(link), 'SIGKILL');
      await until(
        () => platform.processes().length === 0,
        STOP_MS_MAX,
        () => `${JSON.stringify(platform.processes())}\n${run.output()}`,
      );
    },
    TEST_MS_MAX,
  );
});

describe('the home is removed under a running platform', () => {
  it(
    'is told in one line, and everything stops',
    async () => {
      const platform = await newPlatform();
      const run = platform.spawn(['up', '--workers', '1']);
      await reach(run, 'Ctrl-C stops everything', platform);
      await platform.removeHome();
      const { code, output } = await run.finished;
      expect({ code, output }).toMatchObject({ code: 1 });
      expect(output.match(/was removed while Millrace ran in it; stopping/g)).toHaveLength(1);
      expect(output).not.toContain('is started again');
      expect(platform.processes()).toEqual([]);
    },
    TEST_MS_MAX,
  );
});
