// deploy/compose says the same as the supervisor: the same processes with the same settings and ports. There is no container
// engine here, so the file is checked against the Compose schema instead of being started.

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { DEFAULT_PORTS } from '../../apps/cli/src/client/addresses.js';
import { kafkaProperties } from '../../apps/cli/src/supervisor/kafka-properties.js';
import { type ProcessPlan, platformPlan } from '../../apps/cli/src/supervisor/process-plan.js';

interface ComposeService {
  image: string;
  command?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, unknown>;
  volumes?: string[];
  healthcheck?: { test: string[] };
  build?: { dockerfile: string };
}

interface Compose {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
}

const compose = parse(readFileSync('deploy/compose/compose.yaml', 'utf8'), { merge: true }) as Compose;
const schema = JSON.parse(readFileSync('deploy/compose/compose.schema.json', 'utf8')) as object;

const plan: ProcessPlan[] = platformPlan({
  root: '.',
  home: '/var/lib/millrace',
  ports: DEFAULT_PORTS,
  workers: 2,
  setup: { node: { binary: 'node' }, kafka: { libFolder: '', log4j: '', classDataArchive: '' }, redis: { binary: '' } },
  kafkaJars: [],
  classDataArchiveUsable: false,
});
const ours = plan.filter((process) => process.name !== 'kafka' && process.name !== 'redis');

describe('deploy/compose/compose.yaml', () => {
  it('keeps to the Compose schema', () => {
    const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('has a container for each process that the supervisor starts', () => {
    expect(Object.keys(compose.services).sort()).toEqual(plan.map((process) => process.name).sort());
  });

  it.each(ours.map((process) => [process.name, process] as const))(
    'gives %s the settings of the supervisor',
    (name, process) => {
      const service = compose.services[name] as ComposeService;
      expect(service.environment).toMatchObject(process.env);
      expect(`./${service.command?.[0]}`).toBe(process.args.at(-1));
      if (process.readiness.kind === 'http') expect(service.healthcheck?.test.at(-1)).toBe(`${process.readiness.port}`);
    },
  );

  it('gives Kafka the properties of the embedded one', () => {
    const environment = compose.services.kafka?.environment ?? {};
    const embedded = kafkaProperties({ port: 19092, controllerPort: 19093, dataFolder: '/var/lib/kafka/data' });
    const sizes = new Set([
      'log.cleaner.dedupe.buffer.size',
      'log.segment.bytes',
      'num.network.threads',
      'num.io.threads',
      'background.threads',
    ]);
    for (const line of embedded.trim().split('\n')) {
      const [key, value] = [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)];
      if (sizes.has(key)) continue; // tuned for two cores; a container has Kafka's own
      expect([key, environment[`KAFKA_${key.replaceAll('.', '_').toUpperCase()}`]]).toEqual([key, value]);
    }
  });

  it('names only what exists: dependencies, volumes, files', () => {
    for (const service of Object.values(compose.services)) {
      for (const name of Object.keys(service.depends_on ?? {})) expect(Object.keys(compose.services)).toContain(name);
      for (const volume of service.volumes ?? []) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
      if (service.build) expect(existsSync(service.build.dockerfile)).toBe(true);
    }
    expect(existsSync('deploy/compose/health.mjs')).toBe(true);
  });
});
