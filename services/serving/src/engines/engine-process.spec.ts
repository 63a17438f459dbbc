import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { CALL, EngineRig, echo, numbers, settled } from '../../test/engine-in-memory.js';
import { CRASHES_MAX, EngineProcess, STABLE_MS } from './engine-process.js';
import { ownModelBounds } from './own-model-bounds.js';

const never = () => new Promise<never>(() => undefined);
const open = (rig: EngineRig, limits = {}) => EngineProcess.open(rig.settings(limits), rig.ports, rig.events);
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'answered',
    (error: PlatformError) => error.code,
  );

describe('an engine process', () => {
  it('answers calls with the tensors of its engine, many at once, each its own', async () => {
    const engine = await open(new EngineRig());
    expect(engine.inputs).toEqual([{ name: 'X', datatype: 'FP32', shape: [-1, -1] }]);
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => engine.run([numbers(i, -i)], CALL)));
    expect(answers.map(([output]) => output?.toValues())).toEqual(Array.from({ length: 50 }, (_, i) => [i, -i]));
    expect(engine.inFlight).toBe(0);
    await engine.close();
  });

  it('brings large tensors, too, many at once, though only one message at a time has shared memory', async () => {
    const engine = await open(new EngineRig());
    for (let round = 0; round < 3; round++) {
      const inputs = Array.from({ length: 4 }, (_, i) => numbers(...new Float32Array(20_000).fill(round * 10 + i)));
      const answers = await Promise.all(inputs.map((input) => engine.run([input, numbers(1)], CALL)));
      for (const [i, [output, other]] of answers.entries()) {
        expect(output?.rawBytes()).toEqual(inputs[i]?.rawBytes());
        expect(other?.toValues()).toEqual([1]);
      }
    }
  });

  it('passes on the code and reason of what the engine throws', async () => {
    const engine = await open(
      new EngineRig(() =>
        echo({
          run: async () => {
            throw new PlatformError('invalid_argument', 'not such numbers');
          },
        }),
      ),
    );
    await expect(engine.run([numbers(1)], CALL)).rejects.toThrow('[invalid_argument] not such numbers');
  });

  it('throws what the model’s load throws', async () => {
    const rig = new EngineRig(() => {
      throw new PlatformError('corrupt', 'no model in it');
    });
    await expect(open(rig)).rejects.toThrow('[corrupt] no model in it');
    expect(rig.started.every(({ alive }) => !alive)).toBe(true);
  });

  it('is ended when it does not load in time', async () => {
    const rig = new EngineRig(never);
    const opened = expect(open(rig, { startMaxMs: 500 })).rejects.toThrow('did not load the model within 500 ms');
    await rig.pass(500);
    await opened;
    expect(rig.started[0]?.alive).toBe(false);
  });

  it('refuses calls in flight as unavailable when it dies, and comes back', async () => {
    const rig = new EngineRig(() => echo({ run: never }));
    const engine = await open(rig);
    const calls = [codeOf(engine.run([numbers(1)], CALL)), codeOf(engine.run([numbers(2)], CALL))];
    await settled();
    rig.load = () => echo();
    rig.started[0]?.die('signal SIGSEGV');
    expect(await Promise.all(calls)).toEqual(['unavailable', 'unavailable']);
    expect(rig.crashes).toEqual([{ reason: 'signal SIGSEGV', lost: 2, againInMs: 50 }]);
    await expect(engine.run([numbers(1)], CALL)).rejects.toThrow('signal SIGSEGV');
    await rig.pass(50);
    expect([engine.state, engine.life, rig.restarts]).toEqual(['ready', 2, 1]);
    expect((await engine.run([numbers(3)], CALL))[0]?.toValues()).toEqual([3]);
    await engine.close();
    expect(rig.started.map(({ alive }) => alive)).toEqual([false, false]);
    expect(rig.crashes.length).toBe(1);
  });

  it('says to the calls it dies at which model it was, how it died, and what comes next', async () => {
    const rig = new EngineRig(() => echo({ run: never }));
    const engine = await open(rig);
    const one = expect(engine.run([numbers(1)], CALL)).rejects.toThrow(
      /^\[unavailable\] the process of model 'm' version 1 died at this request: signal SIGSEGV\. It is started anew in 50 ms; other models go on\./,
    );
    rig.started[0]?.die('signal SIGSEGV');
    await one;
    await rig.pass(50);
    const two = [1, 2].map((value) =>
      expect(engine.run([numbers(value)], CALL)).rejects.toThrow(
        'died at this request or another of the 2 that it computed: signal SIGABRT. It is started anew in 200 ms',
      ),
    );
    rig.started[1]?.die('signal SIGABRT');
    await Promise.all(two);
  });

  it('of a registered model is never given up: it comes once a minute in the end', async () => {
    const rig = new EngineRig();
    const { restarts } = ownModelBounds({ ownModelCallMaxMs: 1_000, ownModelMemoryBytes: 1 }, 0);
    const engine = await EngineProcess.open({ ...rig.settings(), restarts }, rig.ports, rig.events);
    for (let crash = 1; crash <= 12; crash++) {
      rig.started.at(-1)?.die('signal 9');
      await rig.pass(60_000);
      expect(engine.state).toBe('ready');
    }
    const waits = rig.crashes.map(({ againInMs }) => againInMs);
    expect(waits).toEqual([50, 200, 800, 3_200, 12_800, 51_200, ...new Array(6).fill(60_000)]);
  });

  it('is given up with its reason after too many ends in a row', async () => {
    const rig = new EngineRig();
    const engine = await open(rig);
    for (let crash = 1; crash <= CRASHES_MAX; crash++) {
      rig.started.at(-1)?.die(`signal ${crash}`);
      await rig.pass(5_000);
    }
    expect(engine.state).toBe('failed');
    expect(engine.reason).toContain(`ended ${CRASHES_MAX} times in a row, at last: signal ${CRASHES_MAX}`);
    expect(rig.crashes.map(({ againInMs }) => againInMs)).toEqual([50, 200, 800, 3200, undefined]);
    await rig.pass(60_000);
    expect(rig.started.length).toBe(CRASHES_MAX);
    expect(await codeOf(engine.run([numbers(1)], CALL))).toBe('unavailable');
  });

  it('counts from the beginning after a process that worked for a while', async () => {
    const rig = new EngineRig();
    const engine = await open(rig);
    for (let crash = 1; crash <= CRASHES_MAX * 2; crash++) {
      await engine.run([numbers(1)], CALL);
      await rig.pass(STABLE_MS);
      rig.started.at(-1)?.die('signal 9');
      await rig.pass(50);
      expect(engine.state).toBe('ready');
    }
  });

  it('counts a process that cannot load again as a crash with its reason', async () => {
    const rig = new EngineRig();
    const engine = await open(rig);
    rig.load = () => {
      throw new PlatformError('corrupt', 'the file is gone');
    };
    rig.started[0]?.die('signal 9');
    await rig.pass(60_000);
    expect(engine.state).toBe('failed');
    expect(engine.reason).toContain('the file is gone');
  });

  it('is given up when its files now declare something else', async () => {
    const rig = new EngineRig();
    const engine = await open(rig);
    rig.load = () => echo({ inputs: [{ name: 'OTHER', datatype: 'INT8', shape: [1] }] });
    rig.started[0]?.die('signal 9');
    await rig.pass(100);
    expect([engine.state, engine.reason.includes('files have changed')]).toEqual(['failed', true]);
  });

  it('is killed when it stays silent with a call in flight, not when it is idle', async () => {
    const rig = new EngineRig(() => echo({ run: never }));
    const engine = await open(rig, { silenceMaxMs: 1_000 });
    await rig.pass(10_000);
    const call = engine.run([numbers(1)], CALL);
    const refused = expect(call).rejects.toThrow(
      'gave no answer for 1000 ms and was killed. It is started anew in 50 ms',
    );
    await rig.pass(999);
    expect(rig.started[0]?.alive).toBe(true);
    await rig.pass(1);
    await refused;
    expect(rig.started[0]?.alive).toBe(false);
  });

  it('bounds calls and bytes in flight, but takes any single call', async () => {
    const engine = await open(new EngineRig(() => echo({ run: never })), { callsMax: 3, bytesMax: 16 });
    void engine.run([numbers(1, 2, 3, 4, 5, 6, 7, 8)], CALL).catch(() => undefined);
    expect(await codeOf(engine.run([numbers(1)], CALL))).toBe('overloaded');
    const small = await open(new EngineRig(() => echo({ run: never })), { callsMax: 3, bytesMax: 16 });
    for (let i = 0; i < 3; i++) void small.run([numbers(1)], CALL).catch(() => undefined);
    await expect(small.run([numbers(1)], CALL)).rejects.toThrow('3 calls and 12 bytes are in flight');
  });

  it('is killed when it sends what is no frame', async () => {
    const rig = new EngineRig();
    let garble: (chunk: Uint8Array) => void = () => undefined;
    const { launch } = rig;
    const settings = {
      ...rig.settings(),
      launch: (events: Parameters<typeof launch>[0]) => {
        garble = events.bytes;
        return launch(events);
      },
    };
    const engine = await EngineProcess.open(settings, rig.ports, rig.events);
    const call = expect(engine.run([numbers(1)], CALL)).rejects.toThrow('sent what cannot be read');
    garble(new Uint8Array(64).fill(255));
    await call;
    expect(rig.started[0]?.alive).toBe(false);
  });
});

describe('streams of an engine process', () => {
  const counting = (upTo: number) =>
    echo({
      stream: async (_inputs, _call, emit, signal) => {
        for (let i = 0; i < upTo && !signal.aborted; i++) {
          emit([numbers(i)]);
          await settled();
        }
      },
    });

  it('give their answers in order, then end', async () => {
    const engine = await open(new EngineRig(() => counting(5)));
    const seen: unknown[] = [];
    await engine.stream?.(
      [numbers(1)],
      CALL,
      ([output]) => seen.push(output?.toValues()),
      new AbortController().signal,
    );
    expect(seen).toEqual([[0], [1], [2], [3], [4]]);
  });

  it('end at once when the caller goes, and the engine is told', async () => {
    let stopped = false;
    const engine = await open(
      new EngineRig(() =>
        echo({
          stream: async (_inputs, _call, emit, signal) => {
            emit([numbers(0)]);
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
            emit([numbers(1)]);
            stopped = true;
          },
        }),
      ),
    );
    const caller = new AbortController();
    const seen: number[] = [];
    const stream = engine.stream?.([numbers(1)], CALL, () => seen.push(seen.push(0)) && caller.abort(), caller.signal);
    await stream;
    expect(seen.length).toBe(2);
    await settled();
    await settled();
    expect([stopped, engine.inFlight]).toEqual([true, 0]);
  });

  it('end with the error that the caller’s own emit throws; the process lives', async () => {
    const rig = new EngineRig(() => counting(3));
    const engine = await open(rig);
    const stream = engine.stream?.(
      [numbers(1)],
      CALL,
      () => {
        throw new Error('no place to put it');
      },
      new AbortController().signal,
    );
    await expect(stream).rejects.toThrow('no place to put it');
    expect((await engine.run([numbers(3)], CALL))[0]?.toValues()).toEqual([3]);
    expect(rig.crashes).toEqual([]);
  });

  it('are refused as unavailable when the process dies, and not offered by an engine without', async () => {
    const rig = new EngineRig(() => echo({ stream: never }));
    const engine = await open(rig);
    const stream = expect(
      engine.stream?.([numbers(1)], CALL, () => undefined, new AbortController().signal),
    ).rejects.toThrow('[unavailable]');
    await settled();
    rig.started[0]?.die('signal 9');
    await stream;
    expect((await open(new EngineRig())).stream).toBeUndefined();
  });
});
