import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { COORDINATOR_DEFAULTS, Coordinator, type Job } from './coordinator.js';
import type { FromWorker, ToWorker } from './messages.js';

class Group {
  readonly sent = new Map<string, ToWorker[]>();
  readonly links = new Map<string, { send(message: ToWorker): void; close(reason: string): void }>();
  readonly closed: string[] = [];
  nowMs = 0;
  private tokens = 0;
  readonly coordinator = new Coordinator({ ...COORDINATOR_DEFAULTS, gatherMs: 1_000, restartsMax: 2 }, () =>
    new Uint8Array(32).fill(++this.tokens),
  );

  join(id: string): void {
    this.sent.set(id, []);
    const link = { send: (message: ToWorker) => this.sent.get(id)?.push(message), close: () => this.closed.push(id) };
    this.links.set(id, link);
    this.coordinator.join({ workerId: id, host: 'h', port: 1, device: 'cpu', processId: 1 }, link, this.nowMs);
  }

  leave(id: string): void {
    this.coordinator.leave(id, this.links.get(id) as never, 'gone', this.nowMs);
  }

  /** Time passes; everyone named sends heartbeats. */
  pass(ms: number, alive: readonly string[]): void {
    for (let passed = 0; passed < ms; passed += 250) {
      this.nowMs += 250;
      for (const id of alive) this.coordinator.receive(id, { kind: 'heartbeat', atMs: this.nowMs }, this.nowMs);
      this.coordinator.tick(this.nowMs);
    }
  }

  last(id: string): ToWorker | undefined {
    return this.sent.get(id)?.at(-1);
  }

  assignment(id: string) {
    const found = this.sent.get(id)?.findLast((message) => message.kind === 'assignment');
    if (found?.kind !== 'assignment') throw new Error(`no assignment for ${id}`);
    return found;
  }

  say(id: string, message: FromWorker): void {
    this.coordinator.receive(id, message, this.nowMs);
  }

  ready(...ids: string[]): void {
    for (const id of ids)
      this.say(id, { kind: 'ready', jobId: this.assignment(id).jobId, generation: this.assignment(id).generation });
  }

  done(id: string, sha256 = 'x'): void {
    this.say(id, { kind: 'job_done', jobId: this.assignment(id).jobId, resultPath: `of ${id}`, sha256 });
  }

  run(workers: number, changes: Partial<Job> = {}) {
    return this.coordinator.run(
      { id: 'job', workers, describe: (generation) => `generation ${generation}`, ...changes },
      this.nowMs,
    );
  }
}

describe('Coordinator', () => {
  it('assigns ranks by worker id, starts when all are ready, ends with rank 0’s result', async () => {
    const group = new Group();
    const outcome = group.run(2);
    group.join('b');
    expect(group.last('b')).toBeUndefined();
    group.join('a');
    expect(group.assignment('a')).toMatchObject({ rank: 0, worldSize: 2, job: 'generation 1' });
    expect(group.assignment('b')).toMatchObject({ rank: 1 });
    expect(group.assignment('a').token).toEqual(group.assignment('b').token);
    group.ready('a');
    expect(group.last('a')?.kind).toBe('assignment');
    group.ready('b');
    expect(group.last('a')?.kind).toBe('start');
    group.done('b');
    group.done('a');
    await expect(outcome).resolves.toMatchObject({ workers: 2, generations: 1, resultPath: 'of a' });
  });

  it('starts with fewer after the grace, and with nobody fails', async () => {
    const group = new Group();
    const outcome = group.run(3);
    group.join('a');
    group.pass(1_000, ['a']);
    expect(group.assignment('a')).toMatchObject({ worldSize: 1 });
    group.ready('a');
    group.done('a');
    await expect(outcome).resolves.toMatchObject({ workers: 1 });
    const lonely = new Group();
    const failed = lonely.run(1);
    lonely.pass(COORDINATOR_DEFAULTS.noWorkerMs, []);
    await expect(failed).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('restarts under a new generation and token when a worker is lost, and ignores what the old one says', async () => {
    const group = new Group();
    const outcome = group.run(2);
    group.join('a');
    group.join('b');
    group.ready('a', 'b');
    const before = group.assignment('a');
    group.leave('b');
    expect(group.sent.get('a')?.at(-1)).toMatchObject({ kind: 'abort', generation: 1 });
    group.join('b');
    expect(group.assignment('a')).toMatchObject({ generation: 2, job: 'generation 2' });
    expect(group.assignment('a').token).not.toEqual(before.token);
    group.say('a', { kind: 'job_done', jobId: before.jobId, resultPath: 'stale', sha256: 'x' });
    group.ready('a', 'b');
    group.done('a');
    group.done('b');
    await expect(outcome).resolves.toMatchObject({ generations: 2, resultPath: 'of a' });
  });

  it('ends the jobs that are meant, running or waiting, and goes on with the others', async () => {
    const group = new Group();
    const running = group.run(1, { id: 'a-model' });
    const waiting = group.run(1, { id: 'a-parity' });
    const other = group.run(1, { id: 'b-model' });
    group.join('w');
    group.ready('w');
    const isMeant = (jobId: string) => jobId.startsWith('a-');
    group.coordinator.cancel(isMeant, new PlatformError('cancelled', 'nobody wants it'), group.nowMs);
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    expect(group.sent.get('w')?.map(({ kind }) => kind)).toEqual(['assignment', 'start', 'abort', 'assignment']);
    group.ready('w');
    group.done('w');
    await expect(other).resolves.toMatchObject({ workers: 1 });
  });

  it('takes a silent worker for lost after two seconds, but not for its own pause', () => {
    const group = new Group();
    void group.run(2).catch(() => undefined);
    group.join('a');
    group.join('b');
    group.pass(2_250, ['a']);
    expect(group.closed).toEqual(['b']);
    expect(group.coordinator.views().map((view) => view.workerId)).toEqual(['a']);
    group.nowMs += 10_000;
    group.coordinator.excuse(10_000);
    group.coordinator.tick(group.nowMs);
    expect(group.coordinator.views()).toHaveLength(1);
  });

  it('gives up after too many restarts, at once for what would fail again, and when results differ', async () => {
    const group = new Group();
    const tired = group.run(1);
    group.join('a');
    for (let i = 0; i < 3; i++) {
      group.ready('a');
      group.say('a', { kind: 'job_failed', jobId: group.assignment('a').jobId, code: 'unavailable', message: 'x' });
      group.pass(1_000, ['a']);
    }
    await expect(tired).rejects.toMatchObject({ code: 'unavailable' });
    const corrupt = group.run(1);
    group.ready('a');
    group.say('a', { kind: 'job_failed', jobId: group.assignment('a').jobId, code: 'corrupt', message: 'bad file' });
    await expect(corrupt).rejects.toMatchObject({ code: 'corrupt', reason: 'bad file' });
    const differing = group.run(2);
    group.join('b');
    group.ready('a', 'b');
    group.done('a', 'x');
    group.done('b', 'y');
    await expect(differing).rejects.toMatchObject({ code: 'internal' });
  });

  it('runs one job at a time and bounds the queue', async () => {
    const group = new Group();
    const first = group.run(1);
    for (let i = 0; i < COORDINATOR_DEFAULTS.queueMax; i++) void group.run(1).catch(() => undefined);
    await expect(group.run(1)).rejects.toMatchObject({ code: 'overloaded' });
    group.join('a');
    group.ready('a');
    group.done('a');
    await expect(first).resolves.toMatchObject({ workers: 1 });
    expect(group.assignment('a').generation).toBe(2);
    group.coordinator.close(group.nowMs);
    expect(group.coordinator.views()).toHaveLength(0);
  });
});
