import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { commonSettings, type Settings } from '@millrace/deployment';
import { loadConfig } from './load.js';

const definition = {
  rows: { env: 'MILLRACE_INGEST_ROWS', type: 'int', default: 10, min: 1, max: 100, unit: 'rows', why: 'test' },
  share: { env: 'MILLRACE_INGEST_SHARE', type: 'number', default: 0.5, min: 0, max: 1, why: 'test' },
  wait: { env: 'MILLRACE_INGEST_WAIT', type: 'duration', default: 1000, min: 0, max: 10_000, why: 'test' },
  fast: { env: 'MILLRACE_INGEST_FAST', type: 'bool', default: false, why: 'test' },
  hosts: { env: 'MILLRACE_INGEST_HOSTS', type: 'list', default: ['a'], itemsMax: 3, why: 'test' },
  mode: { env: 'MILLRACE_INGEST_MODE', type: 'text', default: 'soft', oneOf: ['soft', 'hard'], why: 'test' },
  port: { env: 'MILLRACE_INGEST_HTTP_PORT', type: 'int', default: 8010, min: 0, max: 65_535, why: 'test' },
} as const satisfies Settings;

const fault = (env: Record<string, string>): string => {
  try {
    loadConfig(definition, env);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no fault';
};

describe('loadConfig', () => {
  it('gives defaults, frozen', () => {
    const config = loadConfig(definition, {});
    expect(config).toEqual({ rows: 10, share: 0.5, wait: 1000, fast: false, hosts: ['a'], mode: 'soft', port: 8010 });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('reads every type', () => {
    const env = {
      MILLRACE_INGEST_ROWS: '7',
      MILLRACE_INGEST_SHARE: '0.25',
      MILLRACE_INGEST_WAIT: '2.5s',
      MILLRACE_INGEST_FAST: '1',
      MILLRACE_INGEST_HOSTS: 'a, b',
      MILLRACE_INGEST_MODE: 'hard',
      MILLRACE_INGEST_HTTP_PORT: '0',
    };
    expect(loadConfig(definition, env)).toEqual({
      rows: 7,
      share: 0.25,
      wait: 2500,
      fast: true,
      hosts: ['a', 'b'],
      mode: 'hard',
      port: 0,
    });
  });

  it('names all faults at once, by variable and never by value', () => {
    const message = fault({
      MILLRACE_INGEST_ROWS: '1e3secret',
      MILLRACE_INGEST_SHARE: '2',
      MILLRACE_INGEST_WAIT: '5 parsecs',
      MILLRACE_INGEST_FAST: 'yes',
      MILLRACE_INGEST_HOSTS: 'a,,b',
      MILLRACE_INGEST_MODE: 'soggy',
      MILLRACE_INGEST_HTTP_PORT: '70000',
    });
    for (const name of ['ROWS', 'SHARE', 'WAIT', 'FAST', 'HOSTS', 'MODE', 'HTTP_PORT'])
      expect(message).toContain(`MILLRACE_INGEST_${name}`);
    for (const value of ['secret', 'parsecs', 'soggy', '70000']) expect(message).not.toContain(value);
  });

  it('refuses names that nobody knows, says the nearest one, and lets other processes’ settings pass', () => {
    expect(fault({ MILLRACE_INGEST_IMPORT_MAX: '1' })).toContain(
      'MILLRACE_INGEST_IMPORT_MAX: unknown setting; did you mean MILLRACE_INGEST_IMPORTS_MAX?',
    );
    expect(fault({ MILLRACE_HOEM: '/x' })).toContain('MILLRACE_HOEM: unknown setting; did you mean MILLRACE_HOME?');
    expect(fault({ MILLRACE_ROUTER_ANYTHING: '1' })).toContain('MILLRACE_ROUTER_ANYTHING: unknown setting');
    expect(fault({ MILLRACE_ROUTER_DRAIN: '1s', MILLRACE_HOME: '/x', PATH: '/bin' })).toBe('no fault');
  });

  it('takes an empty variable for an unset one', () => {
    expect(loadConfig(definition, { MILLRACE_INGEST_ROWS: '' }).rows).toBe(10);
  });

  it('requires what has no default, and runs cross-field rules once the fields are right', () => {
    const required = { url: { env: 'MILLRACE_REDIS_URL', type: 'text', why: 'test', secret: true } } as const;
    expect(() => loadConfig(required, {})).toThrow('MILLRACE_REDIS_URL: not set');
    expect(() =>
      loadConfig(definition, {}, (config) => (config.rows < 20 ? ['rows must be at least 20'] : [])),
    ).toThrow('rows must be at least 20');
  });
});

describe('paths', () => {
  it('are absolute: beside where the process was started, or in the home folder', () => {
    const paths = loadConfig(commonSettings, {});
    expect(paths.home).toBe(resolve('.millrace'));
    expect(paths.cache).toBe(join(homedir(), '.cache/millrace'));
    const set = loadConfig(commonSettings, { MILLRACE_HOME: 'there', MILLRACE_CACHE: '/c' });
    expect([set.home, set.cache]).toEqual([resolve('there'), '/c']);
  });
});

describe('common settings', () => {
  it('knows the common settings', () => {
    const config = loadConfig(commonSettings, { MILLRACE_KAFKA_BROKERS: 'a:1,b:2', MILLRACE_TOPIC_PREFIX: '' });
    expect(config.kafkaBrokers).toEqual(['a:1', 'b:2']);
    expect(config.topicPrefix).toBe('millrace.');
    expect(() => loadConfig(commonSettings, { MILLRACE_REDIS_URL: 'http://x' })).toThrow('MILLRACE_REDIS_URL');
  });
});
