import { describe, expect, it } from '@jest/globals';
import { CALL, EngineRig, echo, numbers, settled, step } from '../../test/engine-in-memory.js';
import { EnginePool } from './engine-pool.js';
import { type EngineInstance, EngineProcess } from './engine-process.js';

/** `count` instances; each call is answered when told, and says which instance had it. */
async function pool(count: number, sequencesMax?: number) {
  const rigs = Array.from({ length: count }, () => new EngineRig());
  const waiting: { instance: number; answer(): void }[] = [];
  const instances = await Promise.all(
    rigs.map((rig, instance) => {
      rig.load = () =>
        echo({
          run: (inputs) => new Promise((resolve) => waiting.push({ instance, answer: () => resolve(inputs) })),
        });
      return EngineProcess.open(rig.settings(), rig.ports, rig.events);
    }),
  );
  const engine = new EnginePool("model 'm' version 1", instances as unknown as [EngineInstance], sequencesMax);
  return { rigs, instances, engine, waiting };
}

async function answerAll(waiting: { answer(): void }[]): Promise<void> {
  await settled();
  for (const { answer } of waiting.splice(0)) answer();
  await settled();
}

describe('a pool of engines', () => {
  it('has two calls at once in two instances', async () => {
    const { engine, waiting } = await pool(2);
    const calls = [engine.run([numbers(1)], CALL), engine.run([numbers(2)], CALL)];
    await settled();
    expect(waiting.map(({ instance }) => instance).sort()).toEqual([0, 1]);
    expect([engine.concurrency, engine.inFlight]).toEqual([2, 2]);
    await answerAll(waiting);
    expect((await Promise.all(calls)).map(([output]) => output?.toValues())).toEqual([[1], [2]]);
  });

  it('gives a call to the instance with the fewest', async () => {
    const { engine, instances, waiting } = await pool(3);
    for (let i = 0; i < 9; i++) void engine.run([numbers(i)], CALL);
    await settled();
    expect(instances.map(({ inFlight }) => inFlight)).toEqual([3, 3, 3]);
    for (const { instance, answer } of waiting.splice(0)) if (instance === 1) answer();
    await settled();
    for (let i = 0; i < 2; i++) void engine.run([numbers(i)], CALL);
    expect(instances.map(({ inFlight }) => inFlight)).toEqual([3, 2, 3]);
  });

  it('keeps the steps of a sequence together, and spreads sequences', async () => {
    const { engine, waiting } = await pool(2);
    const at = async (id: string, start = false, end = false) => {
      void engine.run([numbers(1)], step(id, start, end));
      await settled();
      const { instance } = waiting[0] as { instance: number };
      await answerAll(waiting);
      return instance;
    };
    const [a, b] = [await at('a', true), await at('b', true)];
    expect(a).not.toBe(b);
    for (let i = 0; i < 5; i++) expect([await at('a'), await at('b')]).toEqual([a, b]);
    expect([await at('a', false, true), await at('b', false, true)]).toEqual([a, b]);
  });

  it('refuses the steps of a sequence whose process died until it starts anew', async () => {
    const { engine, rigs, waiting } = await pool(1);
    void engine.run([numbers(1)], step('a', true));
    await answerAll(waiting);
    rigs[0]?.started[0]?.die('signal 9');
    await rigs[0]?.pass(50);
    await expect(engine.run([numbers(1)], step('a'))).rejects.toThrow("sequence 'a' of model 'm' version 1 was lost");
    const again = engine.run([numbers(5)], step('a', true));
    await answerAll(waiting);
    expect((await again)[0]?.toValues()).toEqual([5]);
  });

  it('forgets the sequence that was silent longest when there are too many', async () => {
    const { engine, rigs, waiting } = await pool(1, 2);
    for (const id of ['a', 'b', 'c']) {
      void engine.run([numbers(1)], step(id, true));
      await answerAll(waiting);
    }
    rigs[0]?.started[0]?.die('signal 9');
    await rigs[0]?.pass(50);
    await expect(engine.run([numbers(1)], step('c'))).rejects.toThrow('was lost');
    void engine.run([numbers(1)], step('a'));
    await settled();
    expect(waiting.length).toBe(1);
  });

  it('goes round an instance that is away, and waits for one that starts or starts soon', async () => {
    const { engine, rigs, instances, waiting } = await pool(2);
    const [first, second] = rigs as [EngineRig, EngineRig];
    first.started[0]?.die('signal 9');
    await settled();
    for (let i = 0; i < 3; i++) void engine.run([numbers(i)], CALL);
    await settled();
    expect(waiting.map(({ instance }) => instance)).toEqual([1, 1, 1]);
    await answerAll(waiting);
    second.started[0]?.die('signal 11');
    await settled();
    const early = engine.run([numbers(6)], CALL);
    let finish: () => void = () => undefined;
    const loading = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { load } = first;
    first.load = async () => {
      await loading;
      return load();
    };
    await first.pass(50);
    expect(instances[0]?.state).toBe('starting');
    const call = engine.run([numbers(7)], CALL);
    await settled();
    finish();
    await settled();
    await answerAll(waiting);
    expect([(await early)[0]?.toValues(), (await call)[0]?.toValues()]).toEqual([[6], [7]]);
  });

  it('refuses who waited when the start fails, and who comes then', async () => {
    const { engine, rigs } = await pool(1);
    const [rig] = rigs as [EngineRig];
    for (const backOffMs of [50, 200, 800]) {
      rig.started.at(-1)?.die('signal 9');
      await rig.pass(backOffMs);
    }
    rig.load = async () => {
      throw new Error('no such file');
    };
    rig.started.at(-1)?.die('signal 11');
    await settled();
    const waited = engine.run([numbers(1)], CALL);
    waited.catch(() => undefined);
    await rig.pass(3_200);
    const away = "no engine of model 'm' version 1 is ready: its engine process ended 5 times in a row";
    await expect(waited).rejects.toThrow(away);
    await expect(engine.run([numbers(1)], CALL)).rejects.toThrow(away);
  });

  it('refuses who waits when it is closed', async () => {
    const { engine, rigs } = await pool(1);
    rigs[0]?.started[0]?.die('signal 9');
    await settled();
    const waited = engine.run([numbers(1)], CALL);
    waited.catch(() => undefined);
    await engine.close();
    await expect(waited).rejects.toThrow('it was closed');
  });

  it('tells the instance of a sequence that it is forgotten, and of itself when all were given up', async () => {
    const { engine, rigs, waiting } = await pool(1);
    const [rig] = rigs as [EngineRig];
    const forgotten: string[] = [];
    const { load } = rig;
    rig.load = async () => ({ ...(await load()), forget: (id: string) => void forgotten.push(id) });
    rig.started[0]?.die('signal 9');
    await rig.pass(50);
    void engine.run([numbers(1)], step('a', true)).catch(() => undefined);
    await answerAll(waiting);
    engine.forget('a');
    await settled();
    expect([forgotten, engine.failure]).toEqual([['a'], '']);
    for (let crash = 0; crash < 4; crash++) {
      rig.started.at(-1)?.die('signal 9');
      await rig.pass(5_000);
    }
    expect(engine.failure).toContain('5 times in a row');
  });

  it('has work done by every instance, and by a new process before it answers', async () => {
    const { engine, rigs, instances, waiting } = await pool(2);
    const warm = engine.each(async (instance) => {
      await instance.run([numbers(9)], CALL);
    });
    await settled();
    expect(waiting.map(({ instance }) => instance).sort()).toEqual([0, 1]);
    await answerAll(waiting);
    await warm;
    rigs[1]?.started[0]?.die('signal 9');
    await rigs[1]?.pass(50);
    expect([instances[1]?.state, waiting.map(({ instance }) => instance)]).toEqual(['starting', [1]]);
    await answerAll(waiting);
    expect([instances[1]?.state, rigs[1]?.restarts]).toEqual(['ready', 1]);
    // One that dies of it while it starts counts as a crash, and comes again.
    rigs[1]?.started[1]?.die('signal 9');
    await rigs[1]?.pass(200);
    rigs[1]?.started[2]?.die('signal 11');
    await rigs[1]?.pass(800);
    waiting.splice(0, 1);
    await answerAll(waiting);
    expect([instances[1]?.state, rigs[1]?.started.length, rigs[1]?.restarts]).toEqual(['ready', 4, 2]);
  });

  it('passes on the fault of a present instance, not that of a later one', async () => {
    const { engine, rigs, instances } = await pool(1);
    const fail = async () => {
      throw new Error('cold');
    };
    await expect(engine.each(fail)).rejects.toThrow('cold');
    rigs[0]?.started[0]?.die('signal 9');
    await rigs[0]?.pass(50);
    expect(instances[0]?.state).toBe('ready');
  });

  it('closes all', async () => {
    const { engine, rigs } = await pool(3);
    await engine.close();
    expect(rigs.flatMap(({ started }) => started.map(({ alive }) => alive))).toEqual([false, false, false]);
  });
});
