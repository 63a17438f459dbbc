import { describe, expect, it } from '@jest/globals';
import { systemClock } from '@millrace/domain';
import { Reporter } from './reporter.terminal.js';

function output(): { text: () => string; write(text: string): void } {
  let all = '';
  return {
    text: () => all,
    write: (text) => {
      all += text;
    },
  };
}

describe('Reporter', () => {
  it('shows a line a tenth, the result and the seconds of a stage', () => {
    const out = output();
    const reporter = new Reporter(out, systemClock);
    const stage = reporter.stage('ingest', 'bulk load');
    for (let i = 0; i <= 100; i++) stage.progress(i, 100, `${i} rows`);
    stage.done('100 rows');
    expect(out.text().match(/ \d+ % /g)).toHaveLength(10);
    expect(out.text()).toMatch(/✔ ingest {7}100 rows \(\d\.\d s\)/);
    expect(Object.keys(reporter.seconds)).toEqual(['ingest']);
  });

  it('closed, shows no stage any more, whether it had begun before or not, but lines', () => {
    const out = output();
    const reporter = new Reporter(out, systemClock);
    const before = reporter.stage('train', 'on 2 workers');
    reporter.close();
    const length = out.text().length;
    before.progress(50, 100);
    before.done('late');
    reporter.stage('rollout', 'later').fail('late');
    expect(out.text()).toHaveLength(length);
    reporter.line('Everything is stopped.');
    expect(out.text()).toMatch(/Everything is stopped\.\n$/);
  });

  it('puts a line of a terminal in the place of a bar that is running, never behind it', () => {
    const out = { ...output(), isTTY: true };
    const reporter = new Reporter(out, systemClock);
    reporter.line('before');
    const stage = reporter.stage('replay', 'live rows');
    stage.progress(50, 100);
    reporter.line('! drift        distance');
    stage.done('100 rows');
    const lines = out.text().split('\n');
    expect(lines[0]).toBe('before');
    expect(lines[1]).toBe('\x1b[1G\x1b[2K! drift        distance');
    expect(lines[2]).toMatch(/^✔ replay/);
  });
});
