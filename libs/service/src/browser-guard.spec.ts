import { describe, expect, it } from '@jest/globals';
import { requestGuard } from './browser-guard.js';

const LOAD = '/v2/repository/models/x/load';
const guard = requestGuard(['Models.Example']);
const ask = (headers: Record<string, string | undefined>, method = 'POST', url = LOAD, localAddress = '127.0.0.1') =>
  guard({ method, url, headers: { host: '127.0.0.1:8030', ...headers }, socket: { localAddress } });

describe('requestGuard', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('refuses %s of a page of another origin', (method) => {
    expect(ask({ origin: 'https://evil.example' }, method)).toContain('another origin');
  });

  it.each([
    { origin: 'null' },
    { origin: 'http://127.0.0.1:9999' },
    { origin: 'http://localhost:8030' },
    { origin: 'http://localhost:3000', host: 'localhost:8030' },
    { origin: 'http://127.0.0.1:8030/x' },
    { origin: 'nonsense' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:8030' },
  ])('refuses %j', (headers) => {
    expect(ask(headers)).toContain('another origin');
  });

  it.each([
    {},
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'same-origin', origin: 'http://127.0.0.1:8030' },
    { origin: 'http://localhost:8030', host: 'localhost:8030' },
    { origin: 'https://models.example', host: '127.0.0.1:8030' },
    { host: '[::1]:8030' },
    { host: 'localhost' },
    { host: 'models.example:8030' },
  ])('lets %j through', (headers) => {
    expect(ask(headers)).toBeUndefined();
  });

  it('lets reads and predictions of any page through', () => {
    const page = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    for (const method of ['GET', 'HEAD', 'OPTIONS']) expect(ask(page, method)).toBeUndefined();
    for (const call of ['infer', 'generate', 'versions/2/generate_stream?a=1']) {
      expect(ask(page, 'POST', `/v2/models/m/${call}`)).toBeUndefined();
    }
    for (const path of [
      `${LOAD}?/v2/models/m/infer`,
      '/v2/models/m/trace/setting',
      '/v2/models/m/x/infer',
      '/v1/jobs',
    ]) {
      expect(ask(page, 'POST', path)).toContain('another origin');
    }
  });

  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1'])('refuses names that were pointed at %s', (address) => {
    const rebound = { host: 'evil.example:8030', origin: 'http://evil.example:8030', 'sec-fetch-site': 'same-origin' };
    expect(ask(rebound, 'POST', LOAD, address)).toContain('MILLRACE_ALLOWED_HOSTS');
    expect(ask({ host: 'a b' }, 'POST', LOAD, address)).toContain('MILLRACE_ALLOWED_HOSTS');
  });

  it('leaves names to other networks: a service name of a container, an address of a machine', () => {
    expect(ask({ host: 'serving:8030' }, 'POST', LOAD, '172.18.0.3')).toBeUndefined();
    expect(guard({ method: 'POST', url: LOAD, headers: { host: 'localhost:80' } })).toBeUndefined();
  });
});
