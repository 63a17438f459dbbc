// Any number of processes make the versions that one undisturbed process makes: whoever holds which partitions, whoever
// dies where, and whatever one does that does not know yet that it was replaced.

import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import { Killed, Process, record, type World, world } from './live-process.js';
import { PER_STEP, sendStep, shapeOf } from './live-story.js';

const NUMBERS = 4;
const ROWS = 120;

/** Processes that come, go, die and are replaced without their knowledge, as the numbers say. */
class Group {
  readonly members: Process[] = [];
  deaths = 0;
  takeovers = 0;

  constructor(
    readonly target: World,
    private readonly rng: Rng,
    private readonly deathRate: number,
  ) {}

  async join(): Promise<void> {
    const passing = (point: string) => {
      if (this.rng.next() >= this.deathRate) return;
      this.deaths += 1;
      throw new Killed(point);
    };
    this.members.push(await Process.join(this.target, passing));
  }

  /** Numbers by turns, beginning with any member. */
  async share(): Promise<void> {
    const first = this.rng.below(this.members.length);
    const share = (of: number) =>
      Array.from({ length: NUMBERS }, (_, number) => number).filter(
        (number) => (number + first) % this.members.length === of,
      );
    // As in a rebalance: all let go before one takes.
    await this.each((member, index) => member.hold(member.held.filter((number) => share(index).includes(number))));
    await this.each((member, index) => member.hold(share(index)));
  }

  /** Those that died are gone, and others hold what they held. */
  async bury(): Promise<void> {
    while (this.members.some(({ dead }) => dead)) {
      for (const member of this.members.splice(0)) {
        if (member.dead) member.end();
        else this.members.push(member);
      }
      while (this.members.length === 0) await this.join();
      await this.share();
    }
  }

  /** Everybody reads what there is, at the same time, until nobody dies of it. */
  async catchUp(): Promise<void> {
    for (let isDone = false; !isDone; ) {
      await this.bury();
      // What failed because of a dead one is tried again after a pause.
      this.target.clock.advance(1_000);
      const before = this.members.map(({ failures }) => failures.length);
      await this.each((member) => member.catchUp());
      const isSmooth = this.members.every(({ failures }, index) => failures.length === before[index]);
      isDone = isSmooth && !this.members.some(({ dead }) => dead);
    }
  }

  /** A member that is stopped while another takes over, and then goes on. */
  async replaceUnawares(): Promise<void> {
    const [zombie] = this.members.splice(this.rng.below(this.members.length), 1) as [Process];
    await this.join();
    await this.share();
    for (const key of this.target.topics.keys()) await zombie.fetch(key);
    // Those that took over may have begun to close what was due.
    await this.each((member) => member.live.settled());
    const told = this.target.announced.length;
    await expect(zombie.live.flush()).rejects.toBeDefined();
    zombie.live.closeDue();
    await zombie.live.settled();
    expect(this.target.announced).toHaveLength(told);
    this.takeovers += 1;
    if (this.rng.next() < 0.5) {
      zombie.end();
      return;
    }
    // It joins again, and is given what it held: of that it knows what it knew.
    this.members.push(zombie);
    if (this.members.length > 1) this.members.splice(this.rng.below(this.members.length - 1), 1)[0]?.end();
    await this.share();
  }

  private async each(work: (member: Process, index: number) => Promise<void>): Promise<void> {
    await Promise.all(
      this.members.map(async (member, index) => {
        try {
          await work(member, index);
        } catch (error) {
          if (!member.dead) throw error;
        }
      }),
    );
  }
}

async function story(seed: number, most: number, deathRate: number): Promise<Group> {
  const rng = seededRng(seed);
  const group = new Group(await world(NUMBERS), rng, deathRate);
  await group.join();
  await group.share();
  for (let step = 0; step < ROWS / PER_STEP; step++) {
    if (most > 1 && rng.next() < 0.4) {
      if (group.members.length < most) await group.join();
      else group.members.splice(rng.below(group.members.length), 1)[0]?.end();
      await group.share();
    }
    sendStep(group.target, step);
    if (most > 1 && rng.next() < 0.2 && !group.members.some(({ dead }) => dead)) await group.replaceUnawares();
    await group.catchUp();
  }
  for (let asked = 0; asked < 20; asked++) {
    await group.bury();
    const [member] = group.members as [Process];
    if ((await member.closeAll().catch(() => null)) !== null && !group.members.some(({ dead }) => dead)) break;
  }
  await group.catchUp();
  const [member] = group.members as [Process];
  expect(member.live.state('p')).toMatchObject({ openRows: 0 });
  for (const each of group.members) each.end();
  return group;
}

describe('processes that share partitions', () => {
  it('make the versions of one that is alone and undisturbed, each announced once', async () => {
    const alone = (await story(0, 1, 0)).target.announced.map(shapeOf);
    expect(alone.length).toBeGreaterThan(3);
    expect(alone.reduce((rows, version) => rows + version.rows, 0)).toBe(ROWS + 1);
    let deaths = 0;
    let takeovers = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const group = await story(seed, 1 + (seed % 4), seed % 3 === 0 ? 0 : 0.01);
      expect([seed, group.target.announced.map(shapeOf)]).toEqual([seed, alone]);
      deaths += group.deaths;
      takeovers += group.takeovers;
    }
    // Else the story has shown nothing.
    expect(deaths).toBeGreaterThan(3);
    expect(takeovers).toBeGreaterThan(3);
  }, 120_000);

  it('lose no segment to one that was replaced while it sweeps what a predecessor left', async () => {
    const target = await world();
    let successor: Process | null = null;
    let paused = 0;
    const stale = await Process.join(target, async (point) => {
      if (point !== 'before list' || paused++ > 0) return;
      // It stands still; meanwhile its number goes to another one, which reads and tells.
      successor = await Process.join(target);
      await successor.hold([0, 1]);
      target.send(record(target, 'a', 0), 0);
      await successor.catchUp();
    });
    await stale.hold([0, 1]).catch(() => undefined);
    expect(paused).toBeGreaterThan(0);
    stale.end();
    expect(await (successor as Process | null)?.closeAll()).toBe(1);
    expect(target.announced).toMatchObject([{ rows: 1 }]);
    (successor as Process | null)?.end();
  });
});
