import { describe, expect, it } from '@jest/globals';
import { ManualClock, PlatformError } from '@millrace/domain';
import type { TransactionalProducer } from '@millrace/kafka';
import { TrainerLog } from './trainer-log.kafka.js';

/** A broker that is away for some tries of each kind; a try takes a second. */
function made(confirmed = async (): Promise<void> => undefined) {
  const clock = new ManualClock(1);
  const written: string[] = [];
  const replacements: string[] = [];
  const away = { sends: 0, holds: 0 };
  let isHeld = true;
  const producer = {
    send: async (topic: string, [message]: { value: unknown }[]) => {
      clock.advance(1_000);
      if (away.sends-- > 0) throw new PlatformError('unavailable', 'no broker');
      written.push(`${topic} ${message?.value}`);
    },
  } as unknown as TransactionalProducer;
  const log = new TrainerLog(
    {
      // As FencedWriters: what is broken is let go of first.
      hold: async () => {
        isHeld = false;
        await turn();
        clock.advance(1_000);
        if (away.holds-- > 0) throw new PlatformError('unavailable', 'no coordinator');
        isHeld = true;
        return [0];
      },
      of: () => {
        if (isHeld) return producer;
        throw new PlatformError('conflict', 'another process');
      },
      close: async () => undefined,
    },
    { confirmed: () => confirmed(), replaced: ({ reason }) => void replacements.push(reason) },
    clock,
  );
  return { log, away, written, replacements };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a write whose outcome is not known', () => {
  it('comes again, also where the coordinator is back later than the broker; others wait for the place', async () => {
    const { log, away, written, replacements } = made();
    Object.assign(away, { sends: 1, holds: 3 });
    const first = log.write('trainer.v1', [{ key: 'k', value: Buffer.from('one') }]);
    // The place is being taken: it is nobody's for a moment, which is no other trainer's.
    await turn();
    const second = log.write('models.v1', [{ key: 'k', value: Buffer.from('two') }]);
    await Promise.all([first, second]);
    expect([written.toSorted(), replacements]).toEqual([['models.v1 two', 'trainer.v1 one'], []]);
  });

  it('fails after 30 s, and the next one takes the place first', async () => {
    const { log, away, written } = made();
    Object.assign(away, { sends: 1, holds: 60 });
    await expect(log.write('trainer.v1', [{ key: 'k', value: Buffer.from('one') }])).rejects.toMatchObject({
      code: 'unavailable',
    });
    away.holds = 0;
    await log.write('trainer.v1', [{ key: 'k', value: Buffer.from('two') }]);
    expect(written).toEqual(['trainer.v1 two']);
  });
});

it('does not come again from a process that stood still before it took its place again', async () => {
  // Asked before: it has its place. It stands still, another one takes over; then it pushes that one out.
  let asked = 0;
  const { log, away, written, replacements } = made(async () => {
    if (++asked === 2) throw new PlatformError('conflict', 'another trainer is at work');
  });
  away.sends = 1;
  const write = log.write('trainer.v1', [{ key: 'k', value: Buffer.from('one') }]);
  await expect(write).rejects.toMatchObject({
    code: 'conflict',
    reason: expect.stringMatching(/taken over.*ask again$/),
  });
  expect([written, replacements]).toEqual([[], ['another trainer is at work']]);
});

describe('news of a training', () => {
  it('leave for newer ones while Kafka is away, and hold up no write', async () => {
    const { log, away, written } = made();
    away.sends = 20;
    const dropped: number[] = [];
    const told = Array.from({ length: 300 }, (_, i) =>
      log
        .tell('trainings.v1', { key: 't', value: Buffer.from(`${i}`) })
        .catch(({ code }: PlatformError) => void (code === 'overloaded' && dropped.push(i))),
    );
    const announced = log.write('models.v1', [{ key: 'p/1', value: Buffer.from('version') }]);
    await announced;
    expect(written.length).toBeLessThan(5);
    await Promise.all(told);
    // The first was under way.
    expect(dropped).toEqual(Array.from({ length: 43 }, (_, i) => i + 1));
    expect(written.filter((each) => each.startsWith('trainings.v1'))).toEqual(
      [0, ...Array.from({ length: 256 }, (_, i) => i + 44)].map((i) => `trainings.v1 ${i}`),
    );
  });
});
