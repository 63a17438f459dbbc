import { describe, expect, it } from '@jest/globals';
import { faultsForUp, SETTINGS } from './all-settings.js';
import { parseSetting } from './setting.js';

describe('what `millrace up` says of a wrong text before it starts anything', () => {
  it.each([
    ['MILLRACE_MONITOR_WEBHOOK_ALLOW', '127.0.0.1:20499', 'is no host: write it without the port'],
    ['MILLRACE_MONITOR_WEBHOOK_ALLOW', 'ok.internal,hooks.internal:80', 'item 2 is no host: write it without the port'],
    ['MILLRACE_MONITOR_WEBHOOK_ALLOW', '-x-', 'is no host name and no address'],
    ['MILLRACE_MONITOR_WEBHOOK_ALLOW', '10.0.0.0/99', 'is no range such as 10.1.0.0/16 or fd00:1::/64'],
    ['MILLRACE_MONITOR_WEBHOOK_ALLOW', 'https://hooks.internal', 'is no host: write it without the scheme'],
    ['MILLRACE_KAFKA_BROKERS', 'kafka', 'is no host:port'],
    ['MILLRACE_KAFKA_BROKERS', 'a:9092,kafka:99999', 'item 2 has a port outside 1..65535'],
    ['MILLRACE_KAFKA_BROKERS', 'kafka://a:9092', 'is no host:port: write it without the scheme'],
    ['MILLRACE_REDIS_URL', 'localhost:6379', 'does not begin with redis:// or rediss://'],
    ['MILLRACE_REDIS_URL', 'redis://', 'is no URL: write redis:// or rediss://host:port'],
    ['MILLRACE_REDIS_URL', 'redis://a:99999', 'is no URL: write redis:// or rediss://host:port'],
    ['MILLRACE_ALLOWED_HOSTS', 'https://mill.internal', 'is no host: write it without the scheme'],
    ['MILLRACE_ALLOWED_HOSTS', 'mill.internal:8040', 'is no host: write it without the port'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318', 'does not begin with http:// or https://'],
    ['MILLRACE_ROUTER_LISTEN_HOST', ':::', 'is no host name and no address'],
    ['MILLRACE_SERVING_HOST', '300.1.1.1', 'is no host name and no address'],
    ['MILLRACE_WORKER_COORDINATOR', 'trainer', 'is no host:port'],
    ['MILLRACE_INGEST_DUCKDB_MEMORY', '0MB', 'is no amount of memory such as 256MB or 2GB'],
    ['MILLRACE_MONITOR_ARCHIVE_MEMORY', '1 TB', 'is no amount of memory such as 256MB or 2GB'],
    ['MILLRACE_INGEST_IMPORT_ROOTS', 'data', 'is no absolute path: it has to begin with /'],
    ['MILLRACE_ARTIFACTS_ENDPOINT', 'http://:', 'is no URL: write http:// or https://host:port'],
  ])('%s=%s', (name, text, fault) => {
    expect(faultsForUp({ [name]: text })).toContain(`${name}: ${fault}`);
  });

  it.each([
    ['MILLRACE_MONITOR_WEBHOOK_ALLOW', '127.0.0.1,::1,10.1.0.0/16,fd00:1::/64,hooks.internal'],
    ['MILLRACE_KAFKA_BROKERS', 'kafka:9092,10.0.0.1:9092,[fd00::1]:9092'],
    ['MILLRACE_REDIS_URL', 'rediss://user:p%40ss@redis.internal:6380/2'],
    ['MILLRACE_ROUTER_LISTEN_HOST', '::'],
    ['MILLRACE_ROUTER_LISTEN_HOST', '0.0.0.0'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'https://otel.internal:4318/'],
  ])('%s takes %s', (name, text) => {
    expect(faultsForUp({ [name]: text })).toEqual([]);
  });

  it('takes no text that cannot mean anything, whatever the setting; but for names that users choose', () => {
    const CHOSEN = new Set(['MILLRACE_SERVING_MODELS']);
    const blind = Object.values(SETTINGS)
      .flatMap((settings) => Object.values(settings))
      .filter(({ type }) => type === 'text' || type === 'list')
      .filter((setting) => parseSetting(setting, ' \u0000?').kind === 'ok')
      .map(({ env }) => env);
    expect(new Set(blind)).toEqual(CHOSEN);
  });
});
