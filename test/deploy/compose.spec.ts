// deploy/compose says the same as the launcher's plan: the same processes with the same settings, ports, order and
// priorities. There is no container engine here, so the file is checked against the Compose schema instead of being
// started.

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { composeFile, composePlan, kafkaServerProperties } from '@millrace/deployment';
import { Ajv } from 'ajv';
import { parse } from 'yaml';

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
const ours = composePlan.filter((process) => process.name !== 'kafka' && process.name !== 'redis');

/** What YAML's merge key means. */
function merged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(merged);
  if (value === null || typeof value !== 'object') return value;
  const { '<<': base, ...own } = value as Record<string, unknown>;
  const entries = Object.entries(own).map(([key, inner]) => [key, merged(inner)]);
  return { ...(merged(base) as object), ...Object.fromEntries(entries) };
}

describe('deploy/compose/compose.yaml', () => {
  it('is what `npm run compose` writes', () => {
    expect(compose).toEqual(merged(composeFile()));
  });

  it('keeps to the Compose schema', () => {
    const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('has a container for each process that the launcher starts', () => {
    expect(Object.keys(compose.services).sort()).toEqual(composePlan.map((process) => process.name).sort());
  });

  it.each(ours.map((process) => [process.name, process] as const))(
    'gives %s the settings of the launcher',
    (name, process) => {
      const service = compose.services[name] as ComposeService;
      expect(service.environment).toMatchObject(process.env);
      expect(`./${service.command?.at(-1)}`).toBe(process.args.at(-1));
      expect(service.command?.slice(0, -1)).toEqual(process.args.slice(1, -1));
      if (process.readiness.kind === 'http') expect(service.healthcheck?.test.at(-1)).toBe(`${process.readiness.port}`);
    },
  );

  it('gives Kafka the properties of the embedded one', () => {
    const environment = compose.services.kafka?.environment ?? {};
    const embedded = kafkaServerProperties({
      root: '.',
      home: '/var/lib',
      ports: { kafka: 19092 },
    } as Parameters<typeof kafkaServerProperties>[0]);
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
