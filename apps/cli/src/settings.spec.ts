// Every setting of docs/settings.md through `millrace up`: accepted by the command, handed on by the plan, and read by
// each process that has it as the value that was meant. The processes' own tests show what a value then does.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '@millrace/config';
import {
  type ProcessPlan,
  platformPlan,
  readSettings,
  SETTINGS,
  type Setting,
  type Settings,
  type SettingsGroup,
  TEST_SETTINGS,
} from '@millrace/deployment';
import { cliSettings } from './settings.js';

/** Values that a rule for the type cannot find. */
const TEXTS: Readonly<Record<string, string>> = {
  MILLRACE_REDIS_URL: 'redis://10.0.0.9:6400',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://10.0.0.9:4318',
  MILLRACE_REPLICA: 'b',
  MILLRACE_REPLICAS: 'serving=3,router=2',
  MILLRACE_PORT_OFFSET: '3000',
  MILLRACE_INGEST_DUCKDB_MEMORY: '640MB',
  MILLRACE_MONITOR_ARCHIVE_MEMORY: '192MB',
  MILLRACE_ARTIFACTS_URL: 's3://store/second',
  MILLRACE_ARTIFACTS_ENDPOINT: 'http://10.0.0.9:9000',
  MILLRACE_ARTIFACTS_REGION: 'eu-central-1',
};

/** Hosts, addresses and folders. */
const LISTS = [
  ['10.0.0.8', '10.0.0.9'],
  ['10.0.0.8:9092', '10.0.0.9:9092'],
  ['/data', '/more'],
];

/** What a setting does nothing without. */
function beside(env: string): Record<string, string> {
  if (!env.startsWith('MILLRACE_ARTIFACTS_')) return {};
  const secret: Record<string, string> =
    env === 'MILLRACE_ARTIFACTS_SECRET_KEY_FILE' ? {} : { MILLRACE_ARTIFACTS_SECRET_KEY: 'b' };
  return { MILLRACE_ARTIFACTS_URL: 's3://store', MILLRACE_ARTIFACTS_ACCESS_KEY: 'a', ...secret };
}

/** A legal text that means another value than the default, and that value. */
function another(setting: Setting): { text: string; value: unknown } {
  const fixed = TEXTS[setting.env];
  switch (setting.type) {
    case 'int': {
      const value = Number(fixed ?? (setting.default === setting.max ? setting.min : (setting.default as number) + 1));
      return { text: `${value}`, value };
    }
    case 'number': {
      const value = setting.default === setting.max ? setting.min : setting.max;
      return { text: `${value}`, value };
    }
    case 'duration': {
      const above = Math.max((setting.default as number) + 1, setting.minUnlessZero ?? 0);
      const value = setting.default === setting.max ? setting.min : above;
      return { text: `${value}ms`, value };
    }
    case 'bool':
      return { text: setting.default ? '0' : '1', value: !setting.default };
    case 'list': {
      const value = LISTS.find((items) => items.every((item) => setting.itemCheck?.(item) === undefined)) ?? [];
      return { text: value.join(', '), value };
    }
    case 'path':
      return { text: '~/elsewhere', value: join(homedir(), 'elsewhere') };
    case 'text': {
      const text = fixed ?? setting.oneOf?.find((one) => one !== setting.default) ?? '127.0.0.7';
      return { text, value: text };
    }
  }
}

/** The groups of settings and the processes of the plan that read them. */
const READERS: Readonly<Record<Exclude<SettingsGroup, 'launcher'>, string>> = {
  ingest: 'ingest',
  trainer: 'trainer',
  'training worker': 'worker-1',
  serving: 'serving',
  router: 'router',
  monitor: 'monitor',
};

/** What `millrace up` starts with this environment, and the environment of each process. */
function up(env: Record<string, string>): Map<string, { plan: ProcessPlan; env: Record<string, string> }> {
  const settings = cliSettings(env);
  const base = settings.forUp();
  const plans = platformPlan({
    root: '/opt/millrace',
    home: settings.home,
    ports: settings.ports,
    workers: 2,
    setup: {
      node: { binary: 'node' },
      kafka: { libFolder: '', log4j: '', classDataArchive: '' },
      redis: { binary: '' },
    },
    kafkaJars: [],
    classDataArchiveUsable: false,
    kafkaBrokers: settings.kafkaBrokers,
    redisUrl: settings.redisUrl,
    replicas: settings.replicas,
    settings: base,
  });
  return new Map(plans.map((plan) => [plan.name, { plan, env: { ...base, ...plan.env } }]));
}

const refusal = (env: Record<string, string>): string => {
  try {
    cliSettings(env).forUp();
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};

interface Case {
  env: string;
  setting: Setting;
  /** Where the setting is a field, and what the field is called. */
  readers: { process: string; settings: Settings; field: string }[];
}

const cases = new Map<string, Case>();
for (const [group, process] of Object.entries(READERS)) {
  const settings = SETTINGS[group as SettingsGroup];
  for (const [field, setting] of Object.entries(settings)) {
    const known = cases.get(setting.env) ?? { env: setting.env, setting, readers: [] };
    known.readers.push({ process, settings, field });
    cases.set(setting.env, known);
  }
}
const all = [...cases.values()];
const forUp = all.filter(({ setting }) => setting.notForUp === undefined);
const notForUp = all.filter(({ setting }) => setting.notForUp !== undefined);

describe('the settings of docs/settings.md', () => {
  it('are these, and those of launcher and tests', () => {
    const documented = new Set(
      [...readFileSync('docs/settings.md', 'utf8').matchAll(/^\| `((?:MILLRACE|OTEL)_[A-Z0-9_]+)`/gm)].map(
        ([, name]) => name,
      ),
    );
    const launcher = Object.values(SETTINGS.launcher).map(({ env }) => env);
    expect(documented).toEqual(new Set([...cases.keys(), ...launcher, ...Object.keys(TEST_SETTINGS)]));
  });
});

describe('millrace up', () => {
  it.each(forUp)('gives $env to the processes that read it', ({ env, setting, readers }) => {
    const { text, value } = another(setting);
    const started = up({ ...beside(env), [env]: text });
    for (const { process, settings, field } of readers) {
      // The launcher names its workers itself.
      if (env === 'MILLRACE_REPLICA' && process === 'worker-1') continue;
      const { env: given } = started.get(process) as { env: Record<string, string> };
      expect(readSettings(settings, given).faults).toEqual([]);
      expect([process, (loadConfig(settings, given) as Record<string, unknown>)[field]]).toEqual([process, value]);
    }
    expect(readers.length).toBeGreaterThan(0);
  });

  it.each(notForUp)('refuses $env and says what to do instead', ({ env, setting }) => {
    expect(refusal({ [env]: another(setting).text })).toContain(`${env}: not for \`millrace up\`: ${setting.notForUp}`);
  });

  it.each([
    [{ MILLRACE_ARTIFACTS_URL: 's3://store' }, 'MILLRACE_ARTIFACTS_ACCESS_KEY: MILLRACE_ARTIFACTS_URL needs it'],
    [{ MILLRACE_ARTIFACTS_URL: 's3://store', MILLRACE_ARTIFACTS_ACCESS_KEY: 'a' }, 'MILLRACE_ARTIFACTS_SECRET_KEY:'],
    [{ MILLRACE_ARTIFACTS_ENDPOINT: 'http://store' }, 'without MILLRACE_ARTIFACTS_URL it does nothing'],
    [{ ...beside('MILLRACE_ARTIFACTS_URL'), MILLRACE_ARTIFACTS_SECRET_KEY_FILE: 'f' }, 'only one of them'],
    [{ MILLRACE_ARTIFACTS_URL: 'https://store' }, 'MILLRACE_ARTIFACTS_URL: does not match'],
  ])('refuses settings of a bucket that do not go together: %j', (env, fault) => {
    expect(refusal(env)).toContain(fault);
  });

  it('refuses what nobody knows and what any process would refuse, all at once', () => {
    const message = refusal({
      MILLRACE_ROUTER_DRIAN: '1s',
      MILLRACE_SERVING_BATCH_ROWS: '0',
      MILLRACE_MONITOR_WINDOWS_KEPT: 'x',
    });
    // The commands that only talk to the platform refuse unknown names as well.
    expect(message).toContain('MILLRACE_ROUTER_DRIAN: unknown setting; did you mean MILLRACE_ROUTER_DRAIN?');
    const known = refusal({ MILLRACE_SERVING_BATCH_ROWS: '0', MILLRACE_MONITOR_WINDOWS_KEPT: 'x' });
    expect(known).toContain('MILLRACE_SERVING_BATCH_ROWS: is outside');
    expect(known).toContain('MILLRACE_MONITOR_WINDOWS_KEPT: is not a whole number');
  });

  it('hands paths on absolute: its processes run in another folder', () => {
    const serving = up({ MILLRACE_SERVING_REPOSITORY: 'models', MILLRACE_HOME: 'state' }).get('serving');
    expect(serving?.env).toMatchObject({
      MILLRACE_SERVING_REPOSITORY: resolve('models'),
      MILLRACE_HOME: resolve('state'),
    });
  });

  it('starts a whole second platform at an offset, with no port in common', () => {
    const portsOf = (env: Record<string, string>) =>
      [...up(env).values()].flatMap(({ plan }) => plan.ports.map(({ port }) => port));
    const first = portsOf({});
    const second = portsOf({ MILLRACE_PORT_OFFSET: '1000' });
    expect(second).toEqual(first.map((port) => port + 1000));
    expect(new Set([...first, ...second]).size).toBe(first.length * 2);
    expect(first.length).toBe(16);
    expect(cliSettings({ MILLRACE_PORT_OFFSET: '1000' }).addresses).toMatchObject({
      routerV2: 'http://127.0.0.1:9000',
      ingestGrpc: '127.0.0.1:9011',
    });
  });

  it('looks for health, and lets the others and the commands look, where a service listens', () => {
    const env = { MILLRACE_SERVING_HOST: '127.0.0.2', MILLRACE_ROUTER_LISTEN_HOST: '127.0.0.3' };
    const started = up(env);
    expect(started.get('serving')?.plan.readiness).toMatchObject({ host: '127.0.0.2', port: 8030 });
    expect(started.get('router')?.plan.readiness).toMatchObject({ host: '127.0.0.3', port: 8003 });
    const given = (name: string) => started.get(name)?.env as Record<string, string>;
    expect(readSettings(SETTINGS.router, given('router')).values).toMatchObject({ servingHost: ['127.0.0.2'] });
    expect(readSettings(SETTINGS.monitor, given('monitor')).values).toMatchObject({ routerHost: ['127.0.0.3'] });
    expect(cliSettings(env).addresses).toMatchObject({
      serving: 'http://127.0.0.2:8030',
      routerGrpc: '127.0.0.3:8001',
      servingGrpc: '127.0.0.2:8031',
    });
  });

  it('starts as many of a service as MILLRACE_REPLICAS says, each with a name and ports of its own', () => {
    const started = up({
      MILLRACE_REPLICAS: 'ingest=2, serving=3',
      MILLRACE_PORT_OFFSET: '2000',
      MILLRACE_REPLICA: 'b',
    });
    const names = [...started.keys()];
    expect(names).toEqual([
      ...['kafka', 'redis', 'ingest', 'ingest-1', 'trainer', 'serving', 'serving-1', 'serving-2'],
      ...['monitor', 'router', 'worker-1', 'worker-2'],
    ]);
    const given = (name: string) => started.get(name)?.env as Record<string, string>;
    const read = (name: string, settings: Settings) => loadConfig(settings, given(name)) as Record<string, unknown>;
    expect(read('ingest-1', SETTINGS.ingest)).toMatchObject({ replica: '1-b', httpPort: 10_110, grpcPort: 10_111 });
    expect(read('serving', SETTINGS.serving)).toMatchObject({ replica: '0-b', grpcPort: 10_031 });
    expect(read('serving-2', SETTINGS.serving)).toMatchObject({ replica: '2-b', grpcPort: 10_231 });
    // One of its kind keeps the name that it was given.
    expect(read('router', SETTINGS.router)).toMatchObject({ replica: 'b', servingGrpcPort: 10_031 });
    expect(started.get('serving-2')?.plan.readiness).toMatchObject({ port: 10_230 });
    const ports = [...started.values()].flatMap(({ plan }) => plan.ports.map(({ port }) => port));
    expect(new Set(ports).size).toBe(ports.length);
  });

  it.each([
    ['ingest=0', 'has a count of ingest that is no whole number from 1 to 10'],
    ['ingest=11', 'from 1 to 10'],
    ['ingest=two', 'from 1 to 10'],
    ['ingests=2', 'did you mean ingest?'],
    ['oracle=2', 'there are ingest, trainer, serving, monitor, router'],
    ['kafka=2', 'MILLRACE_KAFKA_BROKERS names a cluster of your own'],
    ['workers=2', 'training workers are counted by --workers'],
    ['ingest=2,ingest=3', 'names ingest twice'],
    ['ingest', 'write it like ingest=2,serving=2'],
    ['ingest=2,', 'write it like ingest=2,serving=2'],
  ])('refuses MILLRACE_REPLICAS=%s and says what to do', (text, fault) => {
    expect(refusal({ MILLRACE_REPLICAS: text })).toContain(fault);
  });

  it('refuses a number of its own where it numbers several', () => {
    const told = refusal({ MILLRACE_REPLICAS: 'ingest=2', MILLRACE_REPLICA: '1' });
    expect(told).toContain('MILLRACE_REPLICA: the launcher numbers the processes of MILLRACE_REPLICAS itself');
    expect(refusal({ MILLRACE_REPLICA: '1' })).toBe('accepted');
  });

  it('gives each worker a name, and a gradient port and a GPU of its own', () => {
    const ports = ['worker-1', 'worker-2'].map((name) => up({ MILLRACE_WORKER_PORT: '9500' }).get(name)?.env);
    expect(ports).toMatchObject([
      { MILLRACE_WORKER_ID: 'worker-1', MILLRACE_WORKER_PORT: '9500' },
      { MILLRACE_WORKER_ID: 'worker-2', MILLRACE_WORKER_PORT: '9600' },
    ]);
  });
});
