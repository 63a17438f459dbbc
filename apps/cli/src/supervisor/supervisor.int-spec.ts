// The supervisor with small Node scripts as children: order, restart, crash loop, lock, busy port, stop and death
// without orphans. The platform's own processes are started by the end-to-end tests.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { getPriority, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PORT_NAMES, type Ports, type ProcessPlan } from '@millrace/deployment';
import { freePorts } from '@millrace/testing';
import { isPortFree } from './ports.tcp.js';
import { RunFolder } from './run-folder.fs.js';
import { RESTARTS, Supervisor, type SupervisorOptions } from './supervisor.process.js';

const root = resolve('.');
const NICE_MAX = 19;
const env = { PATH: '/usr/local/bin:/usr/bin:/bin' };

/** Listens, answers its health path, says when it was told to stop. */
const SERVER = `
import { createServer } from 'node:http';
const [, , port, mark] = process.argv;
const server = createServer((request, response) => response.end('ok'));
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => { console.log('drained ' + mark + ' ' + process.hrtime.bigint()); process.exit(0); });
`;
/** The same, but for the time that it takes to stop: longer than a restart would wait. */
const SLOW_TO_STOP = SERVER.replace('process.exit(0)', 'setTimeout(() => process.exit(0), 500)');
/** Never stops of its own accord, and has a child of the same kind. */
const STUBBORN = `
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
const [, , port, depth] = process.argv;
process.on('SIGTERM', () => undefined);
if (depth !== '0') { const child = spawn(process.execPath, [process.argv[1], '0', '0'], { stdio: 'inherit' }); console.log('child ' + child.pid); }
createServer().listen(Number(port), '127.0.0.1');
setInterval(() => undefined, 1000);
`;

function alive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
  } catch {
    return false;
  }
}

async function until(condition: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  for (let waitedMs = 0; !(await condition()); waitedMs += 25) {
    if (waitedMs > withinMs) throw new Error('the awaited condition did not come true');
    await new Promise((wake) => setTimeout(wake, 25));
  }
}

describe('Supervisor', () => {
  let home: string;
  let ports: Ports;
  const started: Supervisor[] = [];

  function script(name: string, text: string): string {
    const path = join(home, `${name}.mjs`);
    writeFileSync(path, text);
    return path;
  }

  function plan(name: string, port: number, overrides: Partial<ProcessPlan> = {}): ProcessPlan {
    return {
      name,
      command: process.execPath,
      args: [script('server', SERVER), `${port}`, name],
      env: {},
      nice: 0,
      readiness: { kind: 'http', host: '127.0.0.1', port, path: '/health/ready' },
      readyTimeoutMs: 20_000,
      after: [],
      stopPhase: 1,
      stopGraceMs: 5_000,
      ports: [{ port, what: name, setting: 'MILLRACE_TEST_PORT' }],
      ...overrides,
    };
  }

  function supervisor(plans: ProcessPlan[], options: Partial<SupervisorOptions> = {}): Supervisor {
    const made = new Supervisor({ root, home, ports, workers: 0, env, plans, ...options });
    started.push(made);
    return made;
  }

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'millrace-supervisor-'));
    const free = await freePorts(PORT_NAMES.length);
    ports = Object.fromEntries(PORT_NAMES.map((name, index) => [name, free[index]])) as Ports;
  });

  afterEach(async () => {
    for (const one of started.splice(0)) await one.stop();
    rmSync(home, { recursive: true, force: true });
  });

  it('gives a process of lower priority its nice, and the scheduling group that it leads too', async () => {
    const one = supervisor([
      plan('router', ports.routerHttp),
      plan('broker', ports.kafka, { nice: 10, after: ['router'] }),
    ]);
    await one.start();
    const ours = getPriority();
    const pidOf = (name: string) => one.status().find((status) => status.name === name)?.pid as number;
    // proc(5): the fields after the command's name; nice is the 19th of all, so the 17th of these.
    const niceOf = (pid: number) =>
      Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[16] ?? Number.NaN);
    expect([niceOf(pidOf('router')), niceOf(pidOf('broker'))]).toEqual([ours, Math.min(ours + 10, NICE_MAX)]);
    // Kernels without autogroups compare single threads, and have no such file.
    const groupOf = (pid: number) =>
      existsSync(`/proc/${pid}/autogroup`) ? readFileSync(`/proc/${pid}/autogroup`, 'utf8').trim() : '';
    await until(() => groupOf(pidOf('broker')) === '' || / nice 10$/.test(groupOf(pidOf('broker'))));
    expect(groupOf(pidOf('router'))).toMatch(/^$| nice 0$/);
  });

  it('starts a process that ends in order again at once, as often as it is told to end, and counts no death', async () => {
    const said: string[] = [];
    const one = supervisor([plan('router', ports.routerHttp)], { log: (line) => said.push(line) });
    await one.start();
    for (let time = 1; time <= RESTARTS.maxDeaths + 1; time++) {
      const before = one.pid('router');
      one.kill('router', 'SIGTERM');
      await until(() => one.pid('router') !== before && one.status()[0]?.state === 'ready');
    }
    expect(one.status()).toMatchObject([{ state: 'ready', restarts: 0 }]);
    expect(new Set(said)).toEqual(new Set(['router ended in order and is started again']));
  });

  it('refuses processes that would have the same port, or one that no port has', async () => {
    const twins = [plan('router', ports.routerHttp), plan('router-1', ports.routerHttp), plan('router-2', 65_600)];
    await expect(supervisor(twins).start()).rejects.toThrow(
      /router-1 would have port \d+, which is router's; set .*\n.*router-2 would have port 65600; set .* to a lower one/,
    );
  });

  it('starts in the order of readiness and stops in the order of phases', async () => {
    const order: string[] = [];
    const one = supervisor([
      plan('router', ports.routerHttp, { after: ['broker'], stopPhase: 1 }),
      plan('broker', ports.kafka, { stopPhase: 2 }),
    ]);
    one.on('ready', (name) => order.push(name));
    await one.start();
    expect(order).toEqual(['broker', 'router']);
    expect(one.status().map(({ name, state }) => `${name} ${state}`)).toEqual(['router ready', 'broker ready']);
    const pids = one.status().map((status) => status.pid as number);
    await one.stop();
    expect(pids.filter(alive)).toEqual([]);
    const stoppedAt = (name: string) =>
      BigInt(/drained \S+ (\d+)/.exec(readFileSync(join(home, 'logs', `${name}.log`), 'utf8'))?.[1] ?? '0');
    expect(stoppedAt('router')).toBeGreaterThan(0n);
    expect(stoppedAt('broker') > stoppedAt('router')).toBe(true);
    expect(one.status().map((status) => status.lastExit?.code)).toEqual([0, 0]);
  });

  it('has ended the reaper, too, when it is stopped', async () => {
    const reapers = () =>
      readdirSync('/proc').filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`reaper.main.js\0${home}`) && alive(Number(pid));
        } catch {
          return false; // no process, or it ended while we looked
        }
      });
    const one = supervisor([plan('ingest', ports.ingestHttp)]);
    await one.start();
    expect(reapers()).toHaveLength(1);
    await one.stop();
    expect(reapers()).toEqual([]);
  });

  it('leaves down what dies while it stops', async () => {
    const one = supervisor([
      plan('router', ports.routerHttp, {
        args: [script('slow', SLOW_TO_STOP), `${ports.routerHttp}`, 'router'],
        stopPhase: 1,
      }),
      plan('broker', ports.kafka, { stopPhase: 2 }),
    ]);
    await one.start();
    const stopping = one.stop();
    one.kill('broker', 'SIGKILL');
    await stopping;
    expect(one.status().map(({ name, state, restarts }) => `${name} ${state} ${restarts}`)).toEqual([
      'router stopped 0',
      'broker stopped 0',
    ]);
  });

  it('brings a killed process back, ready again', async () => {
    const one = supervisor([plan('ingest', ports.ingestHttp)]);
    await one.start();
    const before = one.pid('ingest');
    one.kill('ingest', 'SIGKILL');
    await until(() => one.status()[0]?.restarts === 1);
    await one.waitReady('ingest');
    expect(one.pid('ingest')).not.toBe(before);
    const notes = () => new RunFolder(home).notes()?.map(({ name, state, restarts }) => [name, state, restarts]);
    await until(() => notes()?.[0]?.[1] === 'ready' && notes()?.[0]?.[2] === 1);
    await one.stop();
    expect(notes()).toBeUndefined();
  });

  it('keeps a held process down until it is released', async () => {
    const one = supervisor([plan('redis', ports.redis)]);
    await one.start();
    one.kill('redis', 'SIGKILL', { hold: true });
    await until(() => one.status()[0]?.state === 'held');
    expect(await isPortFree(ports.redis)).toBe(true);
    one.release('redis');
    await one.waitReady('redis');
  });

  it('ends a crash loop with a message that holds the last words', async () => {
    const crash = script('crash', "console.error('cannot read my settings'); process.exit(3);");
    const one = supervisor([plan('trainer', ports.trainerHttp, { args: [crash] })], {
      restartLimits: { ...RESTARTS, firstDelayMs: 10, maxDelayMs: 20, maxDeathsUnready: 3 },
    });
    await expect(one.start()).rejects.toThrow(
      /trainer died 4 times in a row \(exit code 3\)[\s\S]*cannot read my settings/,
    );
  });

  it('tries a process that refuses its settings no second time, and says why at once', async () => {
    const refuses = script('refuses', `console.error('[invalid_argument] wrong settings'); process.exit(78);`);
    const said: string[] = [];
    const one = supervisor([plan('monitor', ports.monitorHttp, { args: [refuses] })], {
      restartLimits: { ...RESTARTS, firstDelayMs: 600_000, maxDelayMs: 600_000 },
      log: (line) => said.push(line),
    });
    await expect(one.start()).rejects.toThrow(
      /^\[unavailable\] monitor refuses what it was started with; see [\s\S]*wrong settings/,
    );
    expect(said.filter((line) => line.includes('restarts in'))).toEqual([]);
    expect(one.status()).toMatchObject([{ restarts: 0, lastExit: { code: 78 } }]);
  });

  it('tries one again that was ready before with the same settings', async () => {
    // Ready in its first life, refuses in its second, comes up in its third.
    const lives = join(home, 'lives');
    const fickle = `
import { appendFileSync, readFileSync } from 'node:fs';
appendFileSync(${JSON.stringify(lives)}, 'x');
if (readFileSync(${JSON.stringify(lives)}, 'utf8').length === 2) process.exit(78);
${SERVER}`;
    const one = supervisor([
      plan('router', ports.routerHttp, { args: [script('fickle', fickle), `${ports.routerHttp}`, 'router'] }),
    ]);
    await one.start();
    one.kill('router', 'SIGKILL');
    await until(() => readFileSync(lives, 'utf8').length === 3 && one.status()[0]?.state === 'ready', 60_000);
    expect(one.status()).toMatchObject([{ state: 'ready', restarts: 2 }]);
  });

  it('ends a start in which a process that was ready is given up: nobody waits for those that need it', async () => {
    const shortLived = `${SERVER}; server.on('request', () => setTimeout(() => process.exit(3), 20));`;
    const args = [script('short-lived', shortLived), `${ports.kafka}`, 'kafka'];
    const deaf = script('deaf', 'setInterval(() => undefined, 1000);');
    const one = supervisor(
      [
        plan('kafka', ports.kafka, { args }),
        plan('router', ports.routerHttp, { args: [deaf], after: ['kafka'], readyTimeoutMs: 600_000 }),
      ],
      { restartLimits: { ...RESTARTS, firstDelayMs: 10, maxDelayMs: 20, maxDeaths: 2, maxDeathsUnready: 2 } },
    );
    await expect(one.start()).rejects.toThrow(/kafka died 3 times in a row \(exit code 3\)/);
    expect(one.status().map(({ name, state }) => `${name} ${state}`)).toEqual(['kafka stopped', 'router stopped']);
  });

  it('says of a process that is given up who has taken its port, and the setting that moves it', async () => {
    const one = supervisor([plan('kafka', ports.kafka)], {
      restartLimits: { ...RESTARTS, firstDelayMs: 10, maxDelayMs: 20, maxDeaths: 2, maxDeathsUnready: 2 },
    });
    await one.start();
    const failed = once(one, 'failed');
    one.kill('kafka', 'SIGKILL', { hold: true });
    await until(() => one.status()[0]?.state === 'held');
    const squatter = createServer((socket) => socket.destroy());
    await new Promise<void>((listening) => squatter.listen(ports.kafka, '127.0.0.1', listening));
    try {
      one.release('kafka');
      const [, error] = await failed;
      const taken = `port ${ports.kafka} \\(kafka\\) is used by process ${process.pid} .*MILLRACE_TEST_PORT`;
      expect((error as Error).message).toMatch(new RegExp(`kafka died 3 times in a row \\(exit code 1\\); ${taken}`));
    } finally {
      await new Promise((closed) => squatter.close(closed));
    }
  });

  it('starts nothing again where its home is gone, and says so once, before the next look at it is due', async () => {
    const log: string[] = [];
    const told: string[] = [];
    const one = supervisor([plan('kafka', ports.kafka), plan('redis', ports.redis, { after: ['kafka'] })], {
      log: (line) => log.push(line),
    });
    one.on('restart', (name) => told.push(`${name} is started again`));
    one.on('homeGone', ({ reason }) => told.push(reason));
    await one.start();
    const pids = one.status().map(({ pid }) => pid as number);
    rmSync(home, { recursive: true, force: true });
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await until(() => one.status().every(({ state }) => state === 'stopped'));
    expect(told).toEqual([`${home} was removed while Millrace ran in it`]);
    expect(log).toEqual([]);
    expect(one.status().map(({ restarts }) => restarts)).toEqual([0, 0]);
  });

  it('looks at its home once more right before it starts a process again: a removal may still have been under way', async () => {
    const told: string[] = [];
    const limits = { ...RESTARTS, firstDelayMs: 300 };
    const one = supervisor([plan('kafka', ports.kafka)], {
      restartLimits: limits,
      log: (line) => {
        told.push(line.replace(/\d+ ms/, 'N ms'));
        if (line.includes('restarts in')) rmSync(home, { recursive: true, force: true });
      },
    });
    one.on('restart', () => told.push('is started again'));
    one.on('homeGone', ({ reason }) => told.push(reason));
    await one.start();
    one.kill('kafka');
    await until(() => told.length === 3);
    expect(told).toEqual([
      'kafka ended unexpectedly (SIGKILL)',
      'kafka restarts in N ms (attempt 1)',
      `${home} was removed while Millrace ran in it`,
    ]);
    await one.stop();
    expect(told).toHaveLength(3);
    expect(one.status().map(({ state }) => state)).toEqual(['stopped']);
  });

  it('starts what dies on a full disk again when there is room, however often it died there', async () => {
    let room = true;
    const said: string[] = [];
    const limits = { ...RESTARTS, maxDeaths: 1, maxDeathsUnready: 1, stableAfterMs: 3_600_000 };
    const one = supervisor([plan('kafka', ports.kafka)], {
      restartLimits: limits,
      hasRoom: () => room,
      log: (line) => said.push(line),
    });
    await one.start();
    for (let time = 1; time <= 3; time++) {
      room = false;
      one.kill('kafka');
      await until(() => one.status()[0]?.state === 'waiting-for-room');
      room = true;
      await one.waitReady('kafka');
    }
    expect(one.status()[0]?.restarts).toBe(0);
    expect(said.filter((line) => line.includes('kafka is started again when there is room: less than'))).toHaveLength(
      3,
    );
    room = false;
    one.kill('kafka');
    await until(() => one.status()[0]?.state === 'waiting-for-room');
    one.kill('kafka', 'SIGKILL', { hold: true });
    room = true;
    await until(() => one.status()[0]?.state === 'held');
    one.release('kafka');
    await one.waitReady('kafka');
    room = false;
    one.kill('kafka');
    await until(() => one.status()[0]?.state === 'waiting-for-room');
    await one.stop();
    expect(one.status()[0]?.state).toBe('stopped');
  });

  it('gives a process up that never came up, though the disk is full: that may not be why', async () => {
    const crash = script('crash', "console.error('no space left'); process.exit(3);");
    const one = supervisor([plan('kafka', ports.kafka, { args: [crash] })], {
      restartLimits: { ...RESTARTS, firstDelayMs: 10, maxDelayMs: 20 },
      hasRoom: () => false,
    });
    await expect(one.start()).rejects.toThrow(/kafka died 4 times in a row[\s\S]*no space left/);
  });

  it('lives on where a process cannot be written down, and leaves none that is not', async () => {
    const restartLimits = { ...RESTARTS, firstDelayMs: 1_000 };
    const one = supervisor([plan('kafka', ports.kafka)], { restartLimits });
    await one.start();
    const record = join(home, 'run/kafka.json');
    one.kill('kafka');
    await until(() => !existsSync(record));
    mkdirSync(record); // no file can take its place
    await until(() => /could not be written down/.test(readFileSync(join(home, 'logs/kafka.log'), 'utf8')));
    rmSync(record, { recursive: true, force: true });
    await one.waitReady('kafka');
    expect(JSON.parse(readFileSync(record, 'utf8'))).toMatchObject({ name: 'kafka', pid: one.pid('kafka') });
  });

  it('can be stopped while it starts', async () => {
    const deaf = script('deaf', 'setInterval(() => undefined, 1000);');
    const one = supervisor([plan('trainer', ports.trainerHttp, { args: [deaf] })]);
    const starting = one.start();
    await until(() => one.status()[0]?.state === 'starting');
    await one.stop();
    await expect(starting).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('refuses a second start in one home', async () => {
    await supervisor([plan('serving', ports.servingHttp)]).start();
    await expect(supervisor([plan('monitor', ports.monitorHttp)]).start()).rejects.toThrow(
      new RegExp(`already runs in ${home} \\(process ${process.pid}\\)`),
    );
  });

  it('takes over the lock of a supervisor that is dead', async () => {
    mkdirSync(join(home, 'run'), { recursive: true });
    writeFileSync(
      join(home, 'run/supervisor.lock'),
      JSON.stringify({ name: 'supervisor', pid: process.pid, startTime: '1' }),
    );
    await supervisor([plan('serving', ports.servingHttp)]).start();
  });

  it('names a busy port, who has it and the setting that moves it', async () => {
    const squatter = createServer();
    await new Promise<void>((listening) => squatter.listen(ports.routerHttp, '127.0.0.1', listening));
    try {
      await expect(supervisor([plan('router', ports.routerHttp)]).start()).rejects.toThrow(
        new RegExp(`port ${ports.routerHttp} \\(router\\) is used by process ${process.pid} .*MILLRACE_TEST_PORT`),
      );
    } finally {
      await new Promise((closed) => squatter.close(closed));
    }
  });

  it('kills what does not stop within its grace, with its own children', async () => {
    const stubborn = script('stubborn', STUBBORN);
    const one = supervisor([
      plan('monitor', ports.monitorHttp, {
        args: [stubborn, `${ports.monitorHttp}`, '1'],
        readiness: { kind: 'tcp', host: '127.0.0.1', port: ports.monitorHttp },
        stopGraceMs: 300,
      }),
    ]);
    await one.start();
    const log = join(home, 'logs/monitor.log');
    await until(() => readFileSync(log, 'utf8').includes('child '));
    const grandchild = Number(/child (\d+)/.exec(readFileSync(log, 'utf8'))?.[1]);
    const pid = one.pid('monitor') as number;
    await one.stop();
    await until(() => !alive(pid) && !alive(grandchild));
    expect(readFileSync(log, 'utf8')).toContain('did not stop within 300 ms');
  });

  it('leaves no orphan when the supervisor itself is killed', async () => {
    // A supervisor of its own in another process; the compiled one, as users run it.
    const compiled = join(root, 'dist/apps/cli/src/supervisor/supervisor.process.js');
    expect(existsSync(compiled)).toBe(true);
    const plans = [plan('ingest', ports.ingestHttp)];
    const driver = script(
      'driver',
      `import { Supervisor } from ${JSON.stringify(compiled)};
       const one = new Supervisor(${JSON.stringify({ root, home, ports, workers: 0, env, plans })});
       await one.start();
       console.log('pid ' + one.pid('ingest'));`,
    );
    const child = spawn(process.execPath, [driver], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    await until(() => output.includes('pid '));
    const orphan = Number(/pid (\d+)/.exec(output)?.[1]);
    expect(alive(orphan)).toBe(true);
    child.kill('SIGKILL');
    await until(() => !alive(orphan));
    await until(() => isPortFree(ports.ingestHttp));
  });
});
